package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.activities.secret.Redaction;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ChildEnvironmentTest {

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
  void a_text_without_secrets_stays_as_it_is() {
    for (String text : new String[] {"", "sk-li", "a key", "0123456789", "sk-live-0 and more"}) {
      assertEquals(text, environment.redact(text));
    }
  }
}
