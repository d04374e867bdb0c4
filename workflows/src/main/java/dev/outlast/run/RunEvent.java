package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.Objects;

/**
 * Something that happened in a run.
 *
 * @param seq 1 for the run's first event, then without gaps
 * @param at the workflow's clock
 * @param type what happened
 * @param incident the id of the incident that this belongs to; null if to none
 * @param text one line for people; holds no prompt and nothing that an agent wrote
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunEvent(
    long seq,
    Instant at,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) Type type,
    String incident,
    String text) {

  /** How many events a run keeps. */
  public static final int MAX_KEPT = 200;

  /** What can happen. */
  public enum Type {
    @JsonProperty("started")
    STARTED,
    @JsonProperty("invoked")
    INVOKED,
    @JsonProperty("limited")
    LIMITED,
    @JsonProperty("deferred")
    DEFERRED,
    /** The run was to begin with its account's next reset, but none is known. */
    @JsonProperty("no-reset")
    NO_RESET,
    /** The worker could not start an agent for a reason that passes. */
    @JsonProperty("not-started")
    NOT_STARTED,
    @JsonProperty("resume-changed")
    RESUME_CHANGED,
    @JsonProperty("resumed")
    RESUMED,
    @JsonProperty("paused")
    PAUSED,
    @JsonProperty("unpaused")
    UNPAUSED,
    /** An invocation has worked on paid overage. */
    @JsonProperty("overage")
    OVERAGE,
    @JsonProperty("budget-changed")
    BUDGET_CHANGED,
    @JsonProperty("prompt-queued")
    PROMPT_QUEUED,
    @JsonProperty("turn-completed")
    TURN_COMPLETED,
    @JsonProperty("session-lost")
    SESSION_LOST,
    /** Somebody else has gone on with the session. */
    @JsonProperty("continued-elsewhere")
    CONTINUED_ELSEWHERE,
    /** The host has not taken an invocation in time, and no worker of it is heard of. */
    @JsonProperty("host-lost")
    HOST_LOST,
    @JsonProperty("host-back")
    HOST_BACK,
    /** The run goes on on another host, in a fresh session. */
    @JsonProperty("moved")
    MOVED,
    @JsonProperty("move-failed")
    MOVE_FAILED,
    /** An operator wants another agent to go on. */
    @JsonProperty("switch-asked")
    SWITCH_ASKED,
    /** The run goes on with another of its agents. */
    @JsonProperty("agent-changed")
    AGENT_CHANGED,
    /** After a limit or a long rest it was decided whether the session is gone on with, and why. */
    @JsonProperty("resumes-with")
    RESUMES_WITH,
    /** What was done in other sessions could not be read, and the next one is not told of it. */
    @JsonProperty("without-notes")
    WITHOUT_NOTES,
    @JsonProperty("worktree-released")
    WORKTREE_RELEASED,
    @JsonProperty("completed")
    COMPLETED,
    @JsonProperty("stopped")
    STOPPED,
    @JsonProperty("cancelled")
    CANCELLED,
    /** What only a newer version knows; the text says more. */
    @JsonEnumDefaultValue
    @JsonProperty("other")
    OTHER
  }

  public RunEvent {
    Objects.requireNonNull(at, "at");
    Objects.requireNonNull(type, "type");
    text = text == null ? "" : text;
  }
}
