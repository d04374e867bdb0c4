package dev.outlast.run;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Which of its agents a run uses next: the first of the list whose account is not known to be
 * closed. So a run goes back to the one that it prefers as soon as that is open again, and cannot
 * go round in circles: whoever is left is closed until a later moment, and is not tried again
 * before it unless somebody who knows better opens it. Pure; not thread-safe.
 */
final class Choices {

  /** The most agents that a run may name. */
  static final int MAX = 10;

  /**
   * Of those that open within so little time the preferred one is waited for. Clocks and jitter
   * tell apart what was closed for the same reason.
   */
  static final Duration SAME_TIME = Duration.ofMinutes(1);

  /**
   * Until when one is closed of which nothing says that it ever opens: the end of the year 9999.
   */
  static final Instant NEVER = Instant.parse("9999-12-31T00:00:00Z");

  /**
   * @param until when it is open again
   * @param grace how much longer it is worth waiting for before it is tried unasked
   * @param asked whether it was asked in this round, so that time alone does not open it
   */
  private record Closed(Instant until, Duration grace, boolean asked) {
    private static final Closed NOT = new Closed(Instant.MIN, Duration.ZERO, false);

    boolean isOver(Instant now) {
      return !asked && !until.isAfter(now);
    }

    Instant latest() {
      return until.equals(NEVER) || this == NOT ? until : until.plus(grace);
    }
  }

  private final List<Closed> closed;
  private int current;

  /**
   * @param count how many there are
   */
  Choices(int count) {
    closed = new ArrayList<>(Collections.nCopies(count, Closed.NOT));
  }

  int size() {
    return closed.size();
  }

  /** The one that is used, by its place in the list. */
  int current() {
    return current;
  }

  void goTo(int choice) {
    current = Objects.checkIndex(choice, size());
  }

  /** One more, the least preferred. */
  void add() {
    closed.add(Closed.NOT);
  }

  /** Makes one the preferred of all; the others keep their order. */
  void prefer(int choice) {
    closed.add(0, closed.remove(choice));
    if (choice == current) {
      current = 0;
    } else if (choice > current) {
      current++;
    }
  }

  /** When it is open again; null if it is not known to be closed. */
  Instant closedUntil(int choice) {
    Closed known = closed.get(choice);
    return known == Closed.NOT ? null : known.until();
  }

  /** How much longer than that it is worth waiting for; null if it is not known to be closed. */
  Duration grace(int choice) {
    Closed known = closed.get(choice);
    return known == Closed.NOT ? null : known.grace();
  }

  /** The present one is closed until a moment. */
  void closed(Instant until) {
    closed(current, until, Duration.ZERO);
  }

  void closed(int choice, Instant until, Duration grace) {
    closed.set(choice, new Closed(until, grace, false));
  }

  /**
   * The present one was asked, and is not started before a moment. A round in which all are asked
   * may take longer than that, and is to end nevertheless: until {@link #newRound} it stays closed.
   */
  void deferred(Instant until, Duration grace) {
    closed.set(current, new Closed(until, grace, true));
  }

  /** The run has waited, or one was started: time opens again whoever was asked before. */
  void newRound() {
    closed.replaceAll(
        known -> known.asked() ? new Closed(known.until(), known.grace(), false) : known);
  }

  /** One is known to be open. */
  void opened(int choice) {
    closed.set(choice, Closed.NOT);
  }

  /** An operator wants them tried again, whatever is known. */
  void forget() {
    Collections.fill(closed, Closed.NOT);
  }

  /** The preferred one of those that are not known to be closed. */
  Optional<Integer> firstOpen(Instant now) {
    return IntStream.range(0, size())
        .filter(choice -> closed.get(choice).isOver(now))
        .boxed()
        .findFirst();
  }

  /** Whether one but the present is not known to be closed. */
  boolean anotherIsOpen(Instant now) {
    return IntStream.range(0, size())
        .anyMatch(choice -> choice != current && closed.get(choice).isOver(now));
  }

  /**
   * The one that is worth waiting for the shortest time; the preferred one of several for which
   * that is about the same.
   */
  int earliest() {
    Instant first = closed.stream().map(Closed::latest).min(Instant::compareTo).orElseThrow();
    return IntStream.range(0, size())
        .filter(choice -> closed.get(choice).latest().isBefore(first.plus(SAME_TIME)))
        .findFirst()
        .orElseThrow();
  }

  /** Whether nothing says of any that it ever opens. */
  boolean hopeless() {
    return closed.stream().allMatch(choice -> choice.until().equals(NEVER));
  }
}
