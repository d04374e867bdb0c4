package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChoicesTest {

  private static final Instant NOW = Instant.parse("2026-11-21T08:00:00Z");

  @Test
  void begin_with_the_preferred_one_and_go_back_to_it() {
    Choices choices = new Choices(3);
    choices.closed(NOW.plusSeconds(100));
    assertTrue(choices.goOn(NOW));
    assertEquals(1, choices.current());
    choices.closed(NOW.plusSeconds(50));
    assertTrue(choices.goOn(NOW));
    assertEquals(2, choices.current());
    assertFalse(choices.goOn(NOW.plusSeconds(49)));
    assertTrue(choices.goOn(NOW.plusSeconds(50)));
    assertEquals(1, choices.current());
    assertTrue(choices.goOn(NOW.plusSeconds(100)));
    assertEquals(0, choices.current());
  }

  @Test
  void wait_for_the_earliest_when_all_are_closed() {
    Choices choices = new Choices(2);
    choices.closed(NOW.plusSeconds(100));
    choices.goOn(NOW);
    choices.closed(NOW.plusSeconds(40));
    assertFalse(choices.goOn(NOW));
    assertFalse(choices.anyOpen(NOW));
    assertEquals(NOW.plusSeconds(40), choices.earliest());
    assertEquals(1, choices.current());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void cannot_go_round_in_circles(long seed) {
    Random random = new Random(seed);
    Choices choices = new Choices(1 + random.nextInt(Choices.MAX));
    int tried = 0;
    do {
      choices.closed(NOW.plusSeconds(1 + random.nextInt(1000)));
      tried++;
    } while (choices.goOn(NOW) && tried < 100);
    assertEquals(choices.closedUntil().size(), tried, "seed " + seed);
  }
}
