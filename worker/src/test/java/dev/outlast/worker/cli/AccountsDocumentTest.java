package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.config.OutlastConfig;
import io.temporal.common.converter.JacksonJsonPayloadConverter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What docs/accounts.md tells people to write can be written. */
@Timeout(300)
class AccountsDocumentTest {

  private static final Path DOCUMENT =
      Path.of("").toAbsolutePath().getParent().resolve("docs/accounts.md");

  /** Nothing listens there, since it cannot be bound without special rights. */
  private static final String NOBODY = "127.0.0.1:1";

  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  @TempDir Path folder;

  private static List<String> blocks(String language) throws IOException {
    List<String> blocks =
        Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(DOCUMENT))
            .results()
            .map(block -> block.group(1))
            .toList();
    assertTrue(!blocks.isEmpty(), () -> "no example in " + language);
    return blocks;
  }

  private static List<String> words(String line) {
    Matcher matcher = WORD.matcher(line.replaceFirst("\\s+#.*", ""));
    return matcher
        .results()
        .map(word -> word.group(1) != null ? word.group(1) : word.group(2))
        .toList();
  }

  @Test
  void every_command_is_understood() throws IOException {
    for (String line : blocks("sh").stream().flatMap(String::lines).toList()) {
      List<String> words = words(line);
      assertEquals("outlast", words.get(0), line);
      List<String> args = new ArrayList<>(words.subList(1, words.size()));
      args.addAll(List.of("--address", NOBODY));
      Called called = new Cli(folder).call(args.toArray(String[]::new));
      // All that is wrong with it is that there is no server.
      assertEquals(ExitCode.NO_TEMPORAL, called.exitCode(), line + ": " + called.err());
    }
  }

  @Test
  void every_configuration_can_be_loaded() throws IOException {
    for (String toml : blocks("toml")) {
      Path file = Files.writeString(folder.resolve("outlast.toml"), toml);
      OutlastConfig config = OutlastConfig.load(file);
      assertEquals(4, config.accounts().get("work").gate().maxAgents());
      assertEquals(List.of(), config.warnings());
    }
  }

  @Test
  void every_request_is_accepted() throws IOException {
    ObjectMapper mapper = JacksonJsonPayloadConverter.newDefaultObjectMapper();
    for (String json : blocks("json")) {
      AgentRunRequest request = mapper.readValue(json, AgentRunRequest.class);
      assertEquals(List.of(), request.problems());
      assertEquals(3, request.agents().size());
    }
  }
}
