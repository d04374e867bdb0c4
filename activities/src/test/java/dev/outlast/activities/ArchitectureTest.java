package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.outlast.activities");

  @Test
  void activities_do_not_know_the_worker_nor_a_workflow_implementation() {
    ArchRuleDefinition.noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.outlast.worker..", "dev.outlast.run..", "dev.outlast.thread..")
        .check(CLASSES);
  }

  @Test
  void only_the_activities_themselves_and_calls_know_temporal() {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAnyPackage("dev.outlast.activities.*..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.temporal..")
        .check(CLASSES);
  }

  @Test
  void processes_know_nothing_of_agents() {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage("dev.outlast.activities.process")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.outlast.agent..",
            "dev.outlast.limit..",
            "dev.outlast.activities",
            "dev.outlast.activities.provider..",
            "dev.outlast.activities.detect..")
        .check(CLASSES);
  }

  @Test
  void providers_do_not_know_each_other() {
    for (String provider : List.of("claude", "codex", "gemini", "command")) {
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAPackage("dev.outlast.activities.provider." + provider)
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "another provider",
                  c ->
                      c.getPackageName().startsWith("dev.outlast.activities.provider.")
                          && !c.getPackageName().endsWith("." + provider)))
          .check(CLASSES);
    }
  }

  @Test
  void every_package_is_described_and_named_after_what_it_is_for() {
    TreeSet<String> packages = new TreeSet<>();
    CLASSES.forEach(c -> packages.add(c.getPackageName()));
    assertTrue(packages.size() >= 6, packages.toString());
    for (String name : packages) {
      String file = "/" + name.replace('.', '/') + "/package-info.class";
      assertTrue(
          ArchitectureTest.class.getResource(file) != null
              || Files.exists(
                  Path.of("src/main/java", name.replace('.', '/'), "package-info.java")),
          name + " has no package-info.java");
      String last = name.substring(name.lastIndexOf('.') + 1);
      assertEquals(
          false,
          List.of("util", "utils", "common", "model", "impl", "helper").contains(last),
          name);
    }
  }
}
