package dev.outlast.worker.e2e;

import dev.outlast.agent.AgentOutcome;
import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/**
 * Why the agent of a run was started, each time. The first time since the run began. Once more for
 * each limit that the server has heard of; never after a completion that it has heard of. Every
 * further start makes an invocation again whose outcome the server had not heard: that has a cause
 * only if something was done to that invocation, to its worker or to the server, before the server
 * heard what became of it.
 *
 * @param ledger what the agent wrote down, in turn
 * @param asked what the server knows
 * @param disturbances what was done
 */
record Causes(String task, List<Entry> ledger, List<Asked> asked, List<Disturbance> disturbances) {

  /**
   * How long it takes until the server has heard of a limit: the second between two heartbeats, and
   * what a worker with many agents on a busy machine takes to read it and to say it.
   */
  static final Duration TOLD = Duration.ofSeconds(5);

  /**
   * Starts before the reset of a limit that an agent had told of so early that the server has heard
   * of it, whatever was done later.
   */
  List<String> early() {
    List<String> findings = new ArrayList<>();
    for (Entry limit : ledger) {
      if (limit.event() != Event.LIMIT || disturbed(limit, limit.nanos() + TOLD.toNanos())) {
        continue;
      }
      Instant reset = Instant.ofEpochSecond(Long.parseLong(limit.detail()));
      ledger.stream()
          .filter(e -> e.event() == Event.START && e.nanos() > limit.nanos())
          .filter(e -> e.at().isBefore(reset))
          .forEach(
              e ->
                  findings.add(
                      "invocation %d began at %s, and the limit told at %s is over at %s"
                          .formatted(e.invocation(), e.at(), limit.at(), reset)));
    }
    return findings;
  }

  /** What is wrong with the starts; empty if each has its cause. */
  List<String> missing() {
    List<String> findings = new ArrayList<>();
    Entry before = null;
    for (Entry start : ledger) {
      if (start.event() != Event.START) {
        continue;
      }
      if (askedAt(start) == null) {
        findings.add("invocation " + start.invocation() + " began while none was asked for");
      } else if (before != null) {
        judge(before, start, findings);
      }
      before = start;
    }
    return findings;
  }

  private void judge(Entry before, Entry start, List<String> findings) {
    Asked askedBefore = askedAt(before);
    long ended = start.nanos();
    if (askedBefore != null && askedBefore != askedAt(start)) {
      if (askedBefore.outcome() instanceof AgentOutcome.Limited) {
        return;
      }
      if (askedBefore.outcome() instanceof AgentOutcome.Completed) {
        findings.add("invocation " + start.invocation() + " began after a completion");
        return;
      }
      ended -= Duration.between(askedBefore.until(), start.at()).toNanos();
    }
    if (!foundNoSession(before) && !disturbed(before, ended)) {
      findings.add("invocation " + start.invocation() + " had no cause");
    }
  }

  /** The invocation that a start belongs to; null if there was none at that moment. */
  private Asked askedAt(Entry start) {
    Asked newest = null;
    for (Asked one : asked) {
      // The ledger's clock counts whole milliseconds.
      if (!one.from().truncatedTo(ChronoUnit.MILLIS).isAfter(start.at())) {
        newest = one;
      }
    }
    boolean over = newest != null && newest.until() != null && newest.until().isBefore(start.at());
    return over ? null : newest;
  }

  /** It was broken off before its session was there; so the next one has to begin it. */
  private boolean foundNoSession(Entry start) {
    return ledger.stream()
        .anyMatch(e -> e.invocation() == start.invocation() && e.event() == Event.UNKNOWN);
  }

  private boolean disturbed(Entry start, long ended) {
    String worker =
        ledger.stream()
            .filter(
                e ->
                    e.event() == Event.WORKER
                        && e.invocation() == start.invocation()
                        && e.pid() == start.pid())
            .map(Entry::detail)
            .findFirst()
            .orElse(null);
    return disturbances.stream().anyMatch(d -> d.explains(task, worker, start.nanos(), ended));
  }
}
