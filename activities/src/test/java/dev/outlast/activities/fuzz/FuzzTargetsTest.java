package dev.outlast.activities.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.provider.Providers;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What holds for any bytes holds for the known ones, and for all that a fuzzer has ever found. */
class FuzzTargetsTest {

  private static Consumer<byte[]> target(String name) {
    return name.equals(FuzzSeeds.WORDS)
        ? WordsTarget::fuzzerTestOneInput
        : new ReaderTarget(name)::check;
  }

  @Test
  void the_recorded_cases_pass_and_every_provider_has_some()
      throws IOException, URISyntaxException {
    Map<String, List<byte[]>> seeds = FuzzSeeds.all();
    assertTrue(seeds.keySet().containsAll(Providers.names()), seeds.keySet().toString());
    seeds.forEach((name, inputs) -> inputs.forEach(target(name)));
  }

  @TestFactory
  Stream<DynamicTest> what_was_found_once_stays_fixed() throws IOException, URISyntaxException {
    Path folder = Path.of(FuzzTargetsTest.class.getResource("/findings").toURI());
    List<Path> findings;
    try (Stream<Path> files = Files.walk(folder)) {
      findings = files.filter(Files::isRegularFile).sorted().toList();
    }
    return findings.stream()
        .map(
            file ->
                DynamicTest.dynamicTest(
                    folder.relativize(file).toString(),
                    () ->
                        target(file.getParent().getFileName().toString())
                            .accept(Files.readAllBytes(file))));
  }
}
