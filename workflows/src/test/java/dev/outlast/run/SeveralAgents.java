package dev.outlast.run;

import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;

/** A worker with several agents, each of which does what a test says, in the order it says it. */
final class SeveralAgents {

  private final ScriptedAgent agent;
  private final Map<String, Queue<Function<AgentInvocation, AgentOutcome>>> scripts =
      new ConcurrentHashMap<>();

  /** Where accounts keep their sessions, if that is known: {@code claude/home} to a place. */
  final Map<String, String> places = new ConcurrentHashMap<>();

  volatile AccountPolicy policy = AccountPolicy.DEFAULT;

  /** How large the sessions' contexts are. */
  volatile Long contextTokens;

  SeveralAgents(ScriptedAgent agent) {
    this.agent = agent;
    agent.finding = this::find;
  }

  private ResolvedAgent find(AgentSelection selection) {
    String name = selection.agent() == null ? "claude" : selection.agent();
    if (!List.of("claude", "codex", "gemini").contains(name)) {
      throw ApplicationFailure.newNonRetryableFailure(
          ErrorCode.UNKNOWN_AGENT.message("agent '" + name + "' is unknown; known: claude"),
          ErrorCode.UNKNOWN_AGENT.code());
    }
    String account = selection.account() == null ? "work" : selection.account();
    SessionId session = selection.session() != null ? selection.session() : chosen(name, selection);
    return new ResolvedAgent(
        name,
        name,
        account,
        selection.model(),
        "/srv/repo",
        session,
        ScriptedAgent.RESUME_MESSAGE,
        agent.policy,
        agent.host,
        agent.taskQueue,
        agent.searchAttributes,
        agent.hostPolicy,
        null,
        policy,
        places.get(name + "/" + account));
  }

  private static SessionId chosen(String name, AgentSelection selection) {
    return name.equals("claude") && !selection.continueLast() ? ScriptedAgent.CHOSEN : null;
  }

  /**
   * What an agent with its account does, each time that it is asked, such as {@code codex/work}.
   */
  @SafeVarargs
  final void does(String who, Function<AgentInvocation, AgentOutcome>... steps) {
    Queue<Function<AgentInvocation, AgentOutcome>> script =
        scripts.computeIfAbsent(who, none -> new ConcurrentLinkedQueue<>());
    for (Function<AgentInvocation, AgentOutcome> step : steps) {
      script.add(step);
      agent.does(this::next);
    }
  }

  private AgentOutcome next(AgentInvocation call) {
    Queue<Function<AgentInvocation, AgentOutcome>> script = scripts.get(who(call));
    Function<AgentInvocation, AgentOutcome> step = script == null ? null : script.poll();
    if (step == null) {
      throw ApplicationFailure.newNonRetryableFailure(
          "nobody expected " + who(call) + " to be asked: " + call, "test");
    }
    return step.apply(call);
  }

  static String who(AgentInvocation call) {
    return call.agent() + "/" + call.account();
  }

  /** Who was asked what, in order: {@code codex/work: message}. */
  List<String> asked() {
    return agent.ledger().stream()
        .map(asked -> who(asked.invocation()) + ": " + asked.invocation().message())
        .toList();
  }

  List<String> order() {
    return agent.ledger().stream().map(asked -> who(asked.invocation())).toList();
  }

  Function<AgentInvocation, AgentOutcome> completes(String text) {
    return call -> new AgentOutcome.Completed(facts(call, true), text);
  }

  /** Has worked, and met a limit. */
  Function<AgentInvocation, AgentOutcome> limitedFor(Duration left) {
    return limited(LimitScope.SESSION, true, left);
  }

  /** Was refused at once. */
  Function<AgentInvocation, AgentOutcome> refusedFor(Duration left) {
    return limited(LimitScope.SESSION, false, left);
  }

  Function<AgentInvocation, AgentOutcome> limited(
      LimitScope scope, boolean progressed, Duration left) {
    return call ->
        new AgentOutcome.Limited(
            facts(call, progressed),
            new UsageLimit(
                call.agent(),
                call.account(),
                scope,
                left == null ? null : ResetTime.exactly(agent.now().plus(left)),
                UsageLimit.SetBy.WINDOW,
                agent.now(),
                new LimitEvidence("test-rule", "limit text", "stdout result", "1.0", "UTC"),
                null));
  }

  Function<AgentInvocation, AgentOutcome> stops(StopReason reason) {
    return call -> new AgentOutcome.Stopped(facts(call, false), reason, "see to it", null);
  }

  /** Was ended while it worked. */
  Function<AgentInvocation, AgentOutcome> interrupted() {
    return call -> new AgentOutcome.Stopped(facts(call, true), StopReason.INTERRUPTED, "", null);
  }

  private InvocationFacts facts(AgentInvocation call, boolean progressed) {
    SessionId session =
        call.session() == null ? new SessionId(call.agent() + "-session") : call.session();
    return new InvocationFacts(
        session,
        true,
        "1.0",
        progressed,
        null,
        0.25,
        agent.now(),
        ScriptedAgent.checkpoint(session.value() + "-" + call.number()),
        new TranscriptReference("file", "host-1", session.value()),
        contextTokens,
        0,
        null);
  }
}
