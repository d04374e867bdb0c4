package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PlainTextTest {

  @Test
  void the_end_of_a_text_never_begins_within_a_key() {
    String text = "refused: sk-live-0123456789abcdef is \"wrong\", he said";
    int key = text.indexOf("sk-live");
    int after = text.indexOf(" is ");
    for (int max = 0; max <= text.length(); max++) {
      String tail = PlainText.tail(text, max);
      assertTrue(tail.length() <= max && text.endsWith(tail), tail);
      int from = text.length() - tail.length();
      assertFalse(from > key && from < after, tail);
    }
    assertEquals(text, PlainText.tail(text, text.length()));
    assertEquals(" he said", PlainText.tail(text, 8));
    assertEquals("", PlainText.tail("x".repeat(1_000), 600));
  }

  @Test
  void the_end_of_a_text_never_begins_with_half_a_character() {
    String text = "a \uD83D\uDE00 b";
    for (int max = 0; max <= text.length(); max++) {
      String tail = PlainText.tail(text, max);
      assertFalse(!tail.isEmpty() && Character.isLowSurrogate(tail.charAt(0)), tail);
    }
  }
}
