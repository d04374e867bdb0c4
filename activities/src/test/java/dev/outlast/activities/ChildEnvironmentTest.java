package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.outlast.activities.secret.Redaction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChildEnvironmentTest {

  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String SECRET = "sk-live-0123456789";

  private final ChildEnvironment environment =
      new ChildEnvironment(Map.of(), Redaction.of(Set.of(SECRET, "another-one")));

  @Test
  void no_secret_is_in_a_text_that_was_cut_within_one() {
    String said = "refused: key " + SECRET + " is wrong";
    int from = said.indexOf(SECRET);
    for (int end = from + Redaction.MIN_SECRET; end < from + SECRET.length(); end++) {
      assertEquals("refused: key [secret]", environment.redact(said.substring(0, end)));
    }
    assertEquals("refused: key [secret] is wrong", environment.redact(said));
    assertEquals("[secret]", environment.redact(SECRET.substring(0, 10)));
  }

  @Test
  void secrets_of_other_accounts_are_known_and_a_pipe_among_them_holds_nobody_up(
      @TempDir Path folder) throws Exception {
    Path pipe = folder.resolve("pipe");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Path file = Files.writeString(folder.resolve("file"), "of-another-account\n");
    ScriptedAgent agent = new ScriptedAgent(folder, "init");
    AccountDefinition own =
        new AccountDefinition("work", "claude", Map.of(), Map.of("KEY", "env:WORK_KEY"));
    AccountDefinition other =
        new AccountDefinition(
            "other", "claude", Map.of(), Map.of("A", "file:" + pipe, "B", "file:" + file));

    ChildEnvironment built =
        assertTimeoutPreemptively(
            PATIENCE, () -> ChildEnvironment.of(agent.host(own, other), agent.definition(), own));

    assertEquals("sk-very-secret", built.variables().get("KEY"));
    assertFalse(built.variables().containsKey("B"));
    assertEquals("[secret] and [secret]", built.redact("sk-very-secret and of-another-account"));
  }

  @Test
  void a_text_without_secrets_stays_as_it_is() {
    for (String text : new String[] {"", "sk-li", "a key", "0123456789", "sk-live-0 and more"}) {
      assertEquals(text, environment.redact(text));
    }
  }
}
