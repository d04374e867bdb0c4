package dev.outlast.run;

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
 * go round in circles: one that was closed is not tried again before its time. Pure; not
 * thread-safe.
 */
final class Choices {

  /** The most agents that a run may name. */
  static final int MAX = 10;

  /** When each is open again; null for one that is not known to be closed. */
  private final List<Instant> closedUntil;

  private int current;

  /**
   * @param count how many there are
   */
  Choices(int count) {
    this(0, Collections.nCopies(count, null));
  }

  /** As they were saved. */
  Choices(int current, List<Instant> closedUntil) {
    this.current = current;
    this.closedUntil = new ArrayList<>(closedUntil);
  }

  /** The one that is used, by its place in the list. */
  int current() {
    return current;
  }

  List<Instant> closedUntil() {
    return Collections.unmodifiableList(closedUntil);
  }

  /** The present one is closed until a moment. */
  void closed(Instant until) {
    closedUntil.set(current, Objects.requireNonNull(until, "until"));
  }

  /** An operator wants them tried again, whatever is known. */
  void forget() {
    Collections.fill(closedUntil, null);
  }

  /**
   * Goes to the first one that is open.
   *
   * @return whether it is another one than before; false also if all are closed
   */
  boolean goOn(Instant now) {
    int before = current;
    firstOpen(now).ifPresent(choice -> current = choice);
    return current != before;
  }

  /** Whether any is open. */
  boolean anyOpen(Instant now) {
    return firstOpen(now).isPresent();
  }

  /** Goes to the one that is open first, the preferred one of several; says when that is. */
  Instant earliest() {
    int first = 0;
    for (int i = 1; i < closedUntil.size(); i++) {
      if (when(i).isBefore(when(first))) {
        first = i;
      }
    }
    current = first;
    return when(first);
  }

  private Instant when(int choice) {
    return Objects.requireNonNullElse(closedUntil.get(choice), Instant.MIN);
  }

  private Optional<Integer> firstOpen(Instant now) {
    return IntStream.range(0, closedUntil.size())
        .filter(choice -> !when(choice).isAfter(now))
        .boxed()
        .findFirst();
  }
}
