package dev.outlast.worker;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.outlast.worker");

  @Test
  void the_plugin_does_not_need_the_command_line() {
    noClasses()
        .that()
        .resideInAnyPackage("..worker.plugin..", "..worker.config..", "..worker.server..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("..worker.cli..", "picocli..")
        .check(OURS);
  }

  @Test
  void configuration_needs_neither_the_plugin_nor_a_server() {
    noClasses()
        .that()
        .resideInAPackage("..worker.config..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("..worker.plugin..", "..worker.server..", "io.grpc..")
        .check(OURS);
  }

  @Test
  void only_one_package_touches_the_test_library_of_temporal() {
    noClasses()
        .that()
        .resideOutsideOfPackage("..worker.server..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.temporal.testing..", "io.temporal.internal..")
        .check(OURS);
  }

  @Test
  void the_command_line_offers_nothing_to_others_but_its_entry() {
    classes()
        .that()
        .resideInAPackage("..worker.cli..")
        .and()
        .doNotHaveSimpleName("Outlast")
        .and()
        .doNotHaveSimpleName("ExitCode")
        .and()
        .areTopLevelClasses()
        .should()
        .bePackagePrivate()
        .check(OURS);
  }
}
