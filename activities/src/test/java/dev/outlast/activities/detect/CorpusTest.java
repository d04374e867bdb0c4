package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Output of agents with the right answers: recorded from real versions, and made to mislead. */
class CorpusTest {

  @TestFactory
  Stream<DynamicTest> every_recorded_output_is_understood() throws IOException, URISyntaxException {
    Path folder = Path.of(CorpusTest.class.getResource("/corpus").toURI());
    List<Path> cases;
    try (Stream<Path> files = Files.list(folder)) {
      cases = files.sorted().toList();
    }
    assertTrue(cases.size() >= 78, "cases: " + cases.size());
    return cases.stream()
        .map(
            file ->
                DynamicTest.dynamicTest(
                    file.getFileName().toString(), () -> check(CorpusCase.read(file))));
  }

  @TestFactory
  Stream<DynamicTest> every_made_output_is_understood() throws IOException, URISyntaxException {
    Path folder = Path.of(CorpusTest.class.getResource("/made-cases.json").toURI()).getParent();
    List<JsonNode> cases = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "made-cases*.json")) {
      for (Path file : files) {
        new ObjectMapper().readTree(file.toFile()).forEach(cases::add);
      }
    }
    assertTrue(cases.size() >= 365, "cases: " + cases.size());
    return cases.stream()
        .map(c -> DynamicTest.dynamicTest(c.path("id").textValue(), () -> check(CorpusCase.of(c))));
  }

  /** What a made case says nothing about is not what it is for; a recorded one says it all. */
  private static void check(CorpusCase corpusCase) {
    DetectionReport report = corpusCase.detect();
    assertTrue(corpusCase.judged(), "nothing expected");
    assertEquals(List.of(), corpusCase.judge(report), report.toString());
  }

  /** A judge that lets everything pass would make all the others worthless. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '~',
      value = {
        "'limited':true,'scope':'session','resetAt':'2026-11-21T15:00:00Z'; ",
        "'limited':true,'scope':'weekly','scopeAnyOf':['unknown','session']; ",
        "'limited':true,'resetAt':'2026-11-21T15:02:00Z','resetToleranceSeconds':60; ",
        "'limited':true,'resetAt':null,'resetAnyOf':['2026-11-21T15:00:00Z']; ",
        "'limited':false,'limitedAnyOf':[true,false]; ",
        "'limited':false,'scope':null; limited",
        "'limited':true,'scope':'weekly'; scope",
        "'limited':true,'resetAt':null; resetAt",
        "'limited':true,'resetAt':'2026-11-21T15:01:01Z'; resetAt",
        "'limited':true,'resetAt':'2026-11-21T14:59:59Z'; resetAt",
        "'limited':true,'resetNotAfter':'2026-11-21T14:59:59Z'; resetNotAfter",
        "'limited':true,'sessionId':'s'; sessionId",
        "'limited':true,'usingOverage':true; usingOverage",
        "'limited':true,'outcome':'stopped'; outcome",
        "'limited':true,'reason':'auth'; reason",
        "'limited':true,'setBy':'overage'; setBy",
      })
  void wrong_answers_are_found(String expected, String wrong) throws IOException {
    String json =
        """
        {"id":"x","provider":"claude","now":"2026-11-21T00:00:00Z","zone":"UTC","exitCode":1,
         "stdout":["You've hit your session limit · resets 3pm"],"expected":{%s}}"""
            .formatted(expected.replace('\'', '"'));
    CorpusCase made = CorpusCase.of(new ObjectMapper().readTree(json));
    assertEquals(
        wrong == null ? List.of() : List.of(wrong),
        made.judge(made.detect()).stream().map(CorpusCase.Mismatch::field).toList());
  }
}
