package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
    goOn(choices, NOW, 1);
    choices.closed(NOW.plusSeconds(50));
    goOn(choices, NOW, 2);
    goOn(choices, NOW.plusSeconds(49), 2);
    goOn(choices, NOW.plusSeconds(50), 1);
    goOn(choices, NOW.plusSeconds(100), 0);
  }

  private static void goOn(Choices choices, Instant now, int expected) {
    assertEquals(Optional.of(expected), choices.firstOpen(now));
    choices.goTo(expected);
  }

  @Test
  void wait_for_the_earliest_when_all_are_closed() {
    Choices choices = new Choices(2);
    choices.closed(NOW.plusSeconds(100));
    goOn(choices, NOW, 1);
    choices.closed(NOW.plusSeconds(40));
    assertEquals(Optional.empty(), choices.firstOpen(NOW));
    assertEquals(1, choices.earliest());
    assertEquals(NOW.plusSeconds(40), choices.closedUntil(1));
  }

  @Test
  void wait_rather_for_one_that_opens_later_than_for_one_that_is_to_be_released() {
    Choices choices = new Choices(2);
    choices.closed(0, NOW.plusSeconds(40), Duration.ofMinutes(25));
    choices.closed(1, NOW.plusSeconds(100), Duration.ZERO);
    assertEquals(1, choices.earliest());
    assertEquals(Optional.of(0), choices.firstOpen(NOW.plusSeconds(40)));
  }

  @Test
  void wait_for_the_preferred_one_of_those_that_open_at_about_the_same_time() {
    Choices choices = new Choices(3);
    choices.closed(0, NOW.plusSeconds(700), Duration.ZERO);
    choices.closed(1, NOW.plusSeconds(159), Duration.ZERO);
    choices.closed(2, NOW.plusSeconds(100), Duration.ZERO);
    assertEquals(1, choices.earliest());
    choices.closed(1, NOW.plusSeconds(160), Duration.ZERO);
    assertEquals(2, choices.earliest());
  }

  @Test
  void open_nobody_for_whom_a_round_of_asking_takes_too_long() {
    Choices choices = new Choices(2);
    choices.deferred(NOW.plusSeconds(5), Duration.ofMinutes(25));
    goOn(choices, NOW, 1);
    assertFalse(choices.anotherIsOpen(NOW.plusSeconds(6)));
    choices.deferred(NOW.plusSeconds(11), Duration.ofMinutes(20));
    assertEquals(Optional.empty(), choices.firstOpen(NOW.plusSeconds(12)));
    assertEquals(1, choices.earliest());
    choices.newRound();
    assertEquals(Optional.of(0), choices.firstOpen(NOW.plusSeconds(12)));
  }

  @Test
  void are_hopeless_only_when_nothing_says_of_any_that_it_opens() {
    Choices choices = new Choices(2);
    choices.closed(0, Choices.NEVER, Duration.ofMinutes(1));
    assertFalse(choices.hopeless());
    choices.closed(1, Choices.NEVER, Duration.ZERO);
    assertTrue(choices.hopeless());
    assertEquals(Choices.NEVER, choices.closedUntil(choices.earliest()));
    choices.forget();
    assertEquals(Optional.of(0), choices.firstOpen(NOW));
  }

  @Test
  void keep_track_of_the_present_one_while_their_order_changes() {
    Choices choices = new Choices(3);
    choices.goTo(1);
    choices.closed(1, NOW.plusSeconds(5), Duration.ZERO);
    choices.prefer(2);
    assertEquals(2, choices.current());
    assertEquals(NOW.plusSeconds(5), choices.closedUntil(2));
    choices.prefer(2);
    assertEquals(0, choices.current());
    assertEquals(NOW.plusSeconds(5), choices.closedUntil(0));
  }

  /** Against a model: the set of what is closed, by name. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void never_take_a_closed_one_and_always_the_preferred_of_the_open_ones(long seed) {
    Random random = new Random(seed);
    int count = 1 + random.nextInt(Choices.MAX);
    Choices choices = new Choices(count);
    List<Instant> until = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      until.add(Instant.MIN);
    }
    Instant now = NOW;
    for (int step = 0; step < 2_000; step++) {
      String where = "seed " + seed + ", step " + step;
      now = now.plusSeconds(random.nextInt(20));
      Optional<Integer> next = choices.firstOpen(now);
      int preferred = -1;
      for (int i = count - 1; i >= 0; i--) {
        preferred = until.get(i).isAfter(now) ? preferred : i;
      }
      assertEquals(preferred < 0 ? Optional.empty() : Optional.of(preferred), next, where);
      if (next.isEmpty()) {
        Instant soon = until.stream().min(Instant::compareTo).orElseThrow().plus(Choices.SAME_TIME);
        int earliest = 0;
        while (!until.get(earliest).isBefore(soon)) {
          earliest++;
        }
        assertEquals(earliest, choices.earliest(), where);
        now = until.get(earliest);
        continue;
      }
      choices.goTo(next.get());
      Instant closed = now.plusSeconds(1 + random.nextInt(100));
      choices.closed(closed);
      until.set(next.get(), closed);
      if (random.nextInt(10) == 0) {
        int wanted = random.nextInt(count);
        choices.prefer(wanted);
        until.add(0, until.remove(wanted));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void cannot_go_round_in_circles(long seed) {
    Random random = new Random(seed);
    Choices choices = new Choices(1 + random.nextInt(Choices.MAX));
    int tried = 0;
    Optional<Integer> next = Optional.of(0);
    while (next.isPresent() && tried < 100) {
      choices.goTo(next.get());
      choices.closed(NOW.plusSeconds(1 + random.nextInt(1000)));
      tried++;
      next = choices.firstOpen(NOW);
    }
    assertEquals(choices.size(), tried, "seed " + seed);
  }
}
