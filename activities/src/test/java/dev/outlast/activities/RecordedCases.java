package dev.outlast.activities;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The outputs of agents that the tests have: recorded ones, and those made to mislead. */
public final class RecordedCases {

  private RecordedCases() {}

  /**
   * All of them: {@code corpus/*.json}, with a case in each file, and {@code made-cases*.json},
   * with a list of cases in each.
   */
  public static List<JsonNode> all() throws IOException, URISyntaxException {
    Path corpus = Path.of(RecordedCases.class.getResource("/corpus").toURI());
    ObjectMapper mapper = new ObjectMapper();
    List<JsonNode> cases = new ArrayList<>();
    for (Path file : files(corpus, "*.json")) {
      cases.add(mapper.readTree(file.toFile()));
    }
    for (Path file : files(corpus.getParent(), "made-cases*.json")) {
      mapper.readTree(file.toFile()).forEach(cases::add);
    }
    return cases;
  }

  private static List<Path> files(Path folder, String glob) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(
              file ->
                  folder.getFileSystem().getPathMatcher("glob:" + glob).matches(file.getFileName()))
          .sorted()
          .toList();
    }
  }
}
