package dev.outlast.activities;

import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.InvocationProgress.Phase;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.TimeoutFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/** Starts an agent, watches it until it ends or has to be ended, and reports how that was. */
final class Call {

  /** How often progress is reported while nothing changes. */
  static final Duration HEARTBEAT = Duration.ofSeconds(5);

  /** How often it is looked whether anything has changed. */
  static final Duration LOOK = Duration.ofMillis(100);

  /** The pause after a first throttle; it doubles with each attempt. */
  static final Duration THROTTLE_PAUSE = Duration.ofSeconds(15);

  /** The longest pause after a throttle. */
  static final Duration MAX_THROTTLE_PAUSE = Duration.ofMinutes(5);

  /** The most that a message quotes of an agent's words, in characters. */
  static final int MAX_QUOTE = 600;

  /** The variable by which an agent that was left behind is known again. */
  static final String MARK = "OUTLAST_INVOCATION";

  /**
   * The operating system was short of something for a moment: EAGAIN, ENOMEM, E(N|M)FILE, ETXTBSY.
   */
  private static final Pattern MOMENTARY = Pattern.compile("error=(?:11|12|23|24|26|35),");

  private static final int INTERRUPTED_EXIT = 130;

  /** Whom to call, and how. */
  record Setting(
      AgentHost host,
      AgentDefinition agent,
      String account,
      AgentDriver driver,
      Path executable,
      Path workspace,
      ChildEnvironment environment,
      String mark) {

    Surroundings surroundings() {
      return new Surroundings(host.zone(), environment.variables(), host.stateFolder());
    }
  }

  /** How long it may take. */
  record Bounds(Duration invocation, Duration silence, BooleanSupplier drained) {}

  /** Why we end an agent ourselves. */
  private enum Reason {
    CANCELLED,
    DRAINED,
    TOO_LONG,
    TOO_SILENT,
    /** The server has given this attempt up, so nobody hears its answer. */
    ABANDONED
  }

  private final ActivityExecutionContext context;
  private final Setting setting;
  private final Bounds bounds;
  private final Clock clock;
  private final long started = System.nanoTime();

  private InvocationProgress reported;
  private long reportedAt;

  Call(ActivityExecutionContext context, Setting setting, Bounds bounds, Clock clock) {
    this.context = context;
    this.setting = setting;
    this.bounds = bounds;
    this.clock = clock;
  }

  /** An {@link OutputReader} that is fed by one thread and asked by another. */
  private final class SharedReader {
    private final OutputReader reader = setting.driver().reader(setting.surroundings());

    synchronized void stdout(OutputLine line) {
      reader.stdout(line, clock.instant());
    }

    synchronized void stderr(OutputLine line) {
      reader.stderr(line, clock.instant());
    }

    synchronized CallFacts facts() {
      return reader.facts();
    }

    synchronized Conclusion conclude(int exitCode, Instant now) {
      return reader.conclude(exitCode, now);
    }
  }

  /**
   * Makes a call.
   *
   * @param taken whether the session is known to have the message of an earlier attempt
   */
  AgentOutcome make(AgentCall call, boolean taken) {
    SharedReader reader = new SharedReader();
    Reason early = report(progress(Phase.STARTING, call.session(), taken, reader.facts(), 0));
    if (early != null) {
      return ended(early, reader, INTERRUPTED_EXIT);
    }
    AgentProcess process = start(call, reader);
    int exitCode = 0;
    Reason reason = null;
    boolean watched = false;
    try {
      reason = watch(process, call, taken, reader);
      if (reason != null) {
        report(progress(Phase.ENDING, call.session(), taken, reader.facts(), process.pid()));
      }
      watched = true;
    } finally {
      // Whatever has gone wrong while it was watched: no agent goes on without us.
      exitCode = watched && reason == null ? process.finish() : process.end();
    }
    InvocationProgress last =
        progress(Phase.ENDING, call.session(), taken, reader.facts(), process.pid());
    if (news(last)) {
      // A session named with the last words must be known to a retried attempt too.
      report(last);
    }
    return reason == null
        ? outcome(reader.conclude(exitCode, clock.instant()), reader.facts())
        : ended(reason, reader, Math.max(exitCode, INTERRUPTED_EXIT));
  }

  private AgentProcess start(AgentCall call, SharedReader reader) {
    CommandLine line;
    try {
      line = setting.driver().commandLine(call);
    } catch (IllegalArgumentException unfit) {
      throw Failures.permanent(ErrorCode.INVALID_REQUEST, unfit.getMessage());
    }
    List<String> argv = new ArrayList<>();
    argv.add(setting.executable().toString());
    argv.addAll(line.arguments());
    Map<String, String> environment = new HashMap<>(setting.environment().variables());
    environment.put(MARK, setting.mark());
    byte[] stdin = line.stdin() == null ? null : line.stdin().getBytes(StandardCharsets.UTF_8);
    try {
      return AgentProcess.start(
          new ProcessSpec(argv, setting.workspace(), environment, stdin),
          reader::stdout,
          reader::stderr);
    } catch (IOException | IllegalArgumentException e) {
      String message =
          "agents." + setting.agent().name() + ".command: cannot be started: " + e.getMessage();
      throw MOMENTARY.matcher(String.valueOf(e.getMessage())).find()
          ? Failures.transientFailure(ErrorCode.AGENT_CRASHED, message, reported)
          : Failures.permanent(ErrorCode.EXECUTABLE, setting.environment().redact(message));
    }
  }

  /** Waits until the agent exits (null), or says why it must be ended. */
  private Reason watch(AgentProcess process, AgentCall call, boolean taken, SharedReader reader) {
    while (true) {
      try {
        if (process.awaitExit(LOOK)) {
          return null;
        }
      } catch (InterruptedException workerEnds) {
        // The flag stays cleared: the SDK has yet to tell the server, over the network.
        return Reason.DRAINED;
      }
      if (context.getCancellationToken().isCancellationRequested()) {
        return Reason.CANCELLED;
      }
      if (bounds.drained().getAsBoolean()) {
        return Reason.DRAINED;
      }
      if (System.nanoTime() - started >= bounds.invocation().toNanos()) {
        return Reason.TOO_LONG;
      }
      if (process.silence().compareTo(bounds.silence()) >= 0) {
        return Reason.TOO_SILENT;
      }
      InvocationProgress now =
          progress(Phase.WORKING, call.session(), taken, reader.facts(), process.pid());
      boolean due = System.nanoTime() - reportedAt >= HEARTBEAT.toNanos();
      if (due || news(now)) {
        Reason reason = report(now);
        if (reason != null) {
          return reason;
        }
      }
    }
  }

  /** Whether a retried attempt would act differently if it knew this. */
  private boolean news(InvocationProgress now) {
    return now.taken() != reported.taken()
        || now.pid() != reported.pid()
        || (now.session() != null && !now.session().equals(reported.session()));
  }

  private InvocationProgress progress(
      Phase phase, SessionId chosen, boolean taken, CallFacts facts, long pid) {
    return new InvocationProgress(
        phase,
        facts.session() == null ? chosen : facts.session(),
        taken || facts.taken(),
        facts.lastTool() == null ? null : OperatorTexts.plain(facts.lastTool()),
        facts.tokens(),
        setting.host().hostId(),
        pid);
  }

  /** Sends a heartbeat; says whether its answer was that the agent must be ended. */
  private Reason report(InvocationProgress progress) {
    reported = progress;
    reportedAt = System.nanoTime();
    try {
      context.heartbeat(progress);
      return null;
    } catch (ActivityWorkerShutdownException workerEnds) {
      return Reason.DRAINED;
    } catch (ActivityCanceledException cancelled) {
      // The SDK says the same when the server has not been reached for a heartbeat timeout.
      return cancelled.getCause() instanceof TimeoutFailure ? Reason.ABANDONED : Reason.CANCELLED;
    } catch (ActivityCompletionException gone) {
      return Reason.ABANDONED;
    }
  }

  private AgentOutcome ended(Reason reason, SharedReader reader, int exitCode) {
    Instant now = clock.instant();
    CallFacts facts = reader.facts();
    if (reason == Reason.CANCELLED) {
      return new AgentOutcome.Stopped(
          facts(facts, now, false),
          StopReason.INTERRUPTED,
          "The agent was ended because the run was paused or cancelled.");
    }
    Conclusion conclusion = reader.conclude(exitCode, now);
    if (conclusion instanceof Conclusion.Limited || conclusion instanceof Conclusion.Completed) {
      // It had said all that there was to say, and only did not go away by itself.
      return outcome(conclusion, facts);
    }
    throw switch (reason) {
      case TOO_LONG ->
          Failures.transientFailure(
              ErrorCode.TIMED_OUT,
              "the agent was ended after "
                  + DurationText.of(bounds.invocation())
                  + ", the longest that an invocation may take (invocationTimeout)",
              reported);
      case TOO_SILENT ->
          Failures.transientFailure(
              ErrorCode.TIMED_OUT,
              "the agent was ended after it had printed nothing for "
                  + DurationText.of(bounds.silence())
                  + " (silenceTimeout)",
              reported);
      case ABANDONED ->
          Failures.benign(
              ErrorCode.DRAINED,
              "the agent was ended: the server has given this attempt up",
              reported);
      default ->
          Failures.benign(
              ErrorCode.DRAINED, "the agent was ended: the worker is going away", reported);
    };
  }

  private AgentOutcome outcome(Conclusion conclusion, CallFacts callFacts) {
    Instant now = clock.instant();
    boolean answered =
        conclusion instanceof Conclusion.Completed || conclusion instanceof Conclusion.Limited;
    InvocationFacts facts = facts(callFacts, now, answered);
    if (conclusion instanceof Conclusion.Completed completed) {
      return new AgentOutcome.Completed(
          facts,
          PlainText.headBytes(
              setting.environment().redact(completed.text()), AgentOutcome.MAX_TEXT_BYTES));
    }
    if (conclusion instanceof Conclusion.Limited limited) {
      return new AgentOutcome.Limited(facts, limit(limited, callFacts, now));
    }
    String quote = quote(conclusion.basis().evidence());
    if (conclusion instanceof Conclusion.Stopped stopped) {
      return new AgentOutcome.Stopped(
          facts,
          stopped.reason(),
          advice(stopped.reason()) + (quote.isEmpty() ? "" : " The agent said: " + quote));
    }
    if (conclusion instanceof Conclusion.Throttled) {
      throw Failures.after(
          ErrorCode.THROTTLED,
          "the provider throttled the agent: " + quote,
          last(callFacts),
          throttlePause());
    }
    throw Failures.transientFailure(
        ErrorCode.AGENT_CRASHED, "the agent failed: " + quote, last(callFacts));
  }

  /** How far the call was when it ended. */
  private InvocationProgress last(CallFacts facts) {
    return progress(Phase.ENDING, reported.session(), reported.taken(), facts, reported.pid());
  }

  private UsageLimit limit(Conclusion.Limited limited, CallFacts callFacts, Instant now) {
    Conclusion.Basis basis = limited.basis();
    return new UsageLimit(
        setting.agent().provider(),
        setting.account(),
        limited.scope(),
        limited.reset(),
        limited.setBy(),
        now,
        new LimitEvidence(
            basis.rule(),
            setting.environment().redact(basis.evidence()),
            basis.channel(),
            callFacts.agentVersion(),
            setting.host().zone().getId()));
  }

  private Duration throttlePause() {
    int doublings = Math.min(Math.max(context.getInfo().getAttempt() - 1, 0), 10);
    Duration pause = THROTTLE_PAUSE.multipliedBy(1L << doublings);
    return pause.compareTo(MAX_THROTTLE_PAUSE) > 0 ? MAX_THROTTLE_PAUSE : pause;
  }

  /**
   * What is known of the call. An agent that answered or met its limit had the message, and so is
   * in the session that was chosen for it, also where it does not name one.
   */
  private InvocationFacts facts(CallFacts facts, Instant now, boolean answered) {
    boolean taken = answered || reported.taken() || facts.taken();
    SessionId session = facts.session();
    if (session == null && taken) {
      session = reported.session();
    }
    return new InvocationFacts(
        session,
        taken,
        facts.agentVersion(),
        facts.progressed(),
        facts.tokens() == null ? TokenUsage.NONE : facts.tokens(),
        facts.costUsd(),
        now);
  }

  /** An agent's own words on one line, bounded and without secrets. */
  private String quote(String evidence) {
    String line = setting.environment().redact(evidence).replaceAll("\\s+", " ").strip();
    return PlainText.tail(line, MAX_QUOTE);
  }

  private String advice(StopReason reason) {
    String agent = "agent '" + setting.agent().name() + "'";
    return switch (reason) {
      case AUTH ->
          agent
              + " is not logged in, or its credential was refused: log in as the worker's user,"
              + " or correct the secrets of account '"
              + setting.account()
              + "'.";
      case BILLING -> "account '" + setting.account() + "' has a billing problem.";
      case CREDIT ->
          "the paid credit or spend cap of account '"
              + setting.account()
              + "' is used up, and"
              + " nothing says when it returns: raise it, or use another account.";
      case PLAN -> "the plan of account '" + setting.account() + "' does not include this.";
      case REFUSED -> "the model declined the task: change the prompt.";
      case CONTEXT ->
          "the conversation no longer fits the model's context window: start a fresh session.";
      case SESSION_UNKNOWN ->
          agent
              + " does not know the session, here on host "
              + setting.host().hostId()
              + " and in this workspace: start a fresh one.";
      case MAX_TURNS ->
          agent + " has reached its own limit of turns: raise it in the agent's arguments.";
      case CONFIG -> agent + " was called with wrong arguments: correct its configuration.";
      case INTERRUPTED -> "the run was paused or cancelled.";
      case OTHER -> agent + " stopped.";
    };
  }
}
