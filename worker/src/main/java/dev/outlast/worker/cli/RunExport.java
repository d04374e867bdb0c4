package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.limit.UsageLimit;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * All that is known of a run, as {@code outlast export --format json} prints it; described in
 * docs/transcripts.md. Fields may be added; what is there keeps its meaning as long as the version
 * is the same.
 *
 * @param version {@value #VERSION}
 * @param status null while no worker answers
 * @param ending null while the run goes on
 * @param remarks what is missing, and why
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record RunExport(
    int version,
    Instant exportedAt,
    String id,
    String state,
    String summary,
    Instant startedAt,
    Instant endedAt,
    RunStatus status,
    RunEnding ending,
    TokenUsage tokens,
    double costUsd,
    List<Incident> incidents,
    List<Wait> waits,
    List<Object> approvals,
    List<Invocation> invocations,
    List<RunEvent> events,
    List<TranscriptReference> transcripts,
    List<String> remarks) {

  static final int VERSION = 1;

  /**
   * A wait for a reset.
   *
   * @param until when it was to end; null if that is not known
   * @param endedAt null while it goes on
   * @param endedBy {@code timer}, {@code operator}, {@code cancelled} or {@code other}; null while
   *     it goes on
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Wait(
      String incident,
      String scope,
      Instant from,
      Instant until,
      Instant endedAt,
      Long seconds,
      String endedBy) {

    static Wait of(Incident incident) {
      Instant ended = incident.endedAt();
      String by = null;
      if (incident.end() != null) {
        by =
            switch (incident.end()) {
              case RESUMED -> "timer";
              case RESUMED_BY_OPERATOR -> "operator";
              case RELEASED -> "gate";
              case FAILED_OVER -> "failover";
              case CANCELLED -> "cancelled";
              case GIVEN_UP, OTHER -> "other";
            };
      }
      return new Wait(
          incident.id(),
          incident.limit().scope().word(),
          incident.detectedAt(),
          incident.resumeAt(),
          ended,
          ended == null ? null : Duration.between(incident.detectedAt(), ended).toSeconds(),
          by);
    }
  }

  /**
   * An invocation as Temporal's history has it, with what the transcript says of its attempts.
   *
   * @param message what the agent was to be told; an attempt that was retried may have been told
   *     something else
   * @param outcome {@code completed}, {@code limited}, {@code deferred}, {@code stopped} or {@code
   *     failed}; null while it goes on
   * @param said what it ended with, in words
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Invocation(
      int number,
      int turn,
      String agent,
      String account,
      String model,
      String start,
      String session,
      String message,
      Instant scheduledAt,
      Instant startedAt,
      Instant endedAt,
      int attempts,
      String outcome,
      String reason,
      String said,
      UsageLimit limit,
      String agentVersion,
      TokenUsage tokens,
      double costUsd,
      TranscriptReference transcript,
      List<Attempt> recorded) {

    Invocation with(List<Attempt> attemptsRecorded) {
      return new Invocation(
          number,
          turn,
          agent,
          account,
          model,
          start,
          session,
          message,
          scheduledAt,
          startedAt,
          endedAt,
          attempts,
          outcome,
          reason,
          said,
          limit,
          agentVersion,
          tokens,
          costUsd,
          transcript,
          attemptsRecorded);
    }
  }

  /**
   * One attempt, as its transcript has it.
   *
   * @param prompt what the agent was told; null if it was not started
   * @param lines how many lines it printed, as far as they are kept
   * @param itemsLeftOut how many items more it had than are given; the first ones are left out
   * @param ending how the transcript says that it ended: {@code completed}, {@code limited}, {@code
   *     stopped}, {@code deferred} or {@code failed}; null if it does not say
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Attempt(
      int attempt,
      String session,
      Instant startedAt,
      Instant endedAt,
      String prompt,
      long lines,
      List<ExportedItem> items,
      long itemsLeftOut,
      String ending,
      String said,
      List<String> remarks) {}

  /** One thing that the agent did. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record ExportedItem(
      String kind,
      String id,
      String status,
      String title,
      String text,
      Boolean cut,
      String agent) {}
}
