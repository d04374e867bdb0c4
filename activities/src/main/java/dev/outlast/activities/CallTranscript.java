package dev.outlast.activities;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptRecorder;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.limit.UsageLimit;
import io.temporal.failure.ApplicationFailure;
import java.time.Clock;
import java.util.Locale;
import java.util.function.Supplier;

/** What the transcript says of a call, besides what the agent prints. */
final class CallTranscript {

  private CallTranscript() {}

  /** Begins to record a call. */
  static TranscriptRecorder open(Call.Setting setting, AgentCall call, Clock clock) {
    TranscriptRecorder transcript =
        new TranscriptRecorder(
            setting.host().transcripts(),
            setting.transcript().with(call.session()),
            setting.environment()::redact,
            clock);
    ObjectNode about = JsonNodeFactory.instance.objectNode();
    about.put("agent", setting.agent().name());
    about.put("account", setting.account());
    about.put("workspace", setting.workspace().toString());
    about.put("start", call.start().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    if (call.session() != null) {
      about.put("session", call.session().value());
    }
    if (call.model() != null) {
      about.put("model", call.model());
    }
    transcript.opened(about);
    return transcript;
  }

  /** Makes the call, and records how it ends before anybody else hears of it. */
  static AgentOutcome closing(TranscriptRecorder transcript, Supplier<AgentOutcome> call) {
    try {
      AgentOutcome outcome = call.get();
      ended(transcript, outcome);
      return outcome;
    } catch (RuntimeException | Error failure) {
      ObjectNode about = JsonNodeFactory.instance.objectNode();
      about.put(
          "type",
          failure instanceof ApplicationFailure coded
              ? coded.getType()
              : failure.getClass().getSimpleName());
      String message =
          failure instanceof ApplicationFailure coded
              ? coded.getOriginalMessage()
              : String.valueOf(failure.getMessage());
      transcript.ended(TranscriptKind.FAILURE, message, about);
      throw failure;
    }
  }

  private static void ended(TranscriptRecorder transcript, AgentOutcome outcome) {
    ObjectNode about = JsonNodeFactory.instance.objectNode();
    if (outcome instanceof AgentOutcome.Completed completed) {
      about.put("kind", "completed");
      facts(about, completed.facts());
      transcript.ended(TranscriptKind.OUTCOME, completed.text(), about);
    } else if (outcome instanceof AgentOutcome.Limited limited) {
      about.put("kind", "limited");
      limit(about, limited.limit());
      facts(about, limited.facts());
      transcript.ended(TranscriptKind.OUTCOME, limited.limit().evidence().text(), about);
    } else if (outcome instanceof AgentOutcome.Stopped stopped) {
      about.put("kind", "stopped");
      about.put("reason", stopped.reason().word());
      if (stopped.limit() != null) {
        limit(about, stopped.limit());
      }
      facts(about, stopped.facts());
      transcript.ended(TranscriptKind.OUTCOME, stopped.message(), about);
    } else {
      about.put("kind", "deferred");
      transcript.ended(TranscriptKind.OUTCOME, null, about);
    }
  }

  private static void limit(ObjectNode about, UsageLimit limit) {
    about.put("scope", limit.scope().word());
    about.put("rule", limit.evidence().rule());
    if (limit.reset() != null) {
      about.put("resetsAt", limit.reset().latest().toString());
    }
  }

  private static void facts(ObjectNode about, InvocationFacts facts) {
    if (facts.session() != null) {
      about.put("session", facts.session().value());
    }
    if (facts.agentVersion() != null) {
      about.put("agentVersion", facts.agentVersion());
    }
    about
        .putObject("tokens")
        .put("input", facts.tokens().input())
        .put("output", facts.tokens().output())
        .put("reasoning", facts.tokens().reasoning())
        .put("cacheRead", facts.tokens().cacheRead())
        .put("cacheWrite", facts.tokens().cacheWrite());
    about.put("costUsd", facts.costUsd());
  }
}
