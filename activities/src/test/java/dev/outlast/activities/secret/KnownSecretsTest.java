package dev.outlast.activities.secret;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KnownSecretsTest {

  @Test
  void what_was_learnt_is_not_forgotten_while_it_is_in_use_however_much_follows() {
    String used = "known-secret-in-use-61ab";
    String old = "known-secret-of-old-77cd";
    KnownSecrets.learn(List.of(old, used));
    assertEquals("a [secret] b [secret]", KnownSecrets.redact("a " + used + " b " + old));
    for (int round = 0; round < 3; round++) {
      int first = round * KnownSecrets.MAX_VALUES / 2;
      KnownSecrets.learn(
          IntStream.range(first, first + KnownSecrets.MAX_VALUES / 2)
              .mapToObj(i -> "known-secret-number-" + i + "-")
              .toList());
      KnownSecrets.learn(Set.of(used));
    }
    String last = "known-secret-number-" + (3 * KnownSecrets.MAX_VALUES / 2 - 1) + "-";
    assertEquals(
        "a [secret] b " + old + " c [secret]",
        KnownSecrets.redact("a " + used + " b " + old + " c " + last));
  }
}
