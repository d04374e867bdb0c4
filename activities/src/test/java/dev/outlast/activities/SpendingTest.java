package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.Spending;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import io.temporal.failure.ApplicationFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an agent may spend: paid overage, and what is left of the run's budget. */
@Timeout(180)
class SpendingTest {

  private static final Spending AVOID = new Spending(OverageUse.AVOID, null, null);
  private static final Spending USE = new Spending(OverageUse.USE, null, null);
  private static final String MAX_BUDGET = "--max-budget-usd";
  private static final long MAIN_RESET = 1_893_456_000L;
  private static final long OVERAGE_RESET = 1_896_000_000L;

  /** What Claude Code 2.1.329 says of an account whose five hours are used up and paid for. */
  private static final String OVERAGE =
      """
      overage() {
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%d,"rateLimitType":"five_hour","overageStatus":"allowed","overageResetsAt":%d,"isUsingOverage":true,"overageInUse":true,"unifiedWindows":{"five_hour":{"utilization":1,"resetsAt":%d,"status":"rejected"},"seven_day":{"utilization":0.62,"resetsAt":1899000000,"status":"allowed"}}},"session_id":"'$session'"}'
      }
      unnamed() {
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"allowed","rateLimitType":"overage","resetsAt":%d,"isUsingOverage":true},"session_id":"'$session'"}'
      }
      spend() {
        echo '{"type":"assistant","message":{"id":"m'$1'","model":"claude-x","content":[{"type":"text","text":"work"}],"usage":{"input_tokens":'$2',"output_tokens":0}},"session_id":"'$session'"}'
      }
      trap 'echo ended >> ledger; exit 0' INT
      """
          .formatted(MAIN_RESET, OVERAGE_RESET, MAIN_RESET, OVERAGE_RESET);

  @TempDir Path folder;

  private final ScriptedContext context = new ScriptedContext();

  /** What happens before it is looked how the agent at work is doing. */
  private Runnable beforeLook = () -> {};

  private AgentOutcome make(String body, Spending spending) throws IOException {
    return make(body, spending, null);
  }

  private AgentOutcome make(String body, Spending spending, InvocationProgress before)
      throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, OVERAGE + body);
    AgentHost host = agent.host();
    AgentDefinition definition = agent.definition();
    var activity = context.attempt(before == null ? 1 : 2).proxy();
    Call call =
        new Call(
            activity,
            new Lifeline(activity),
            new Call.Setting(
                host,
                definition,
                "work",
                Providers.driver(definition),
                agent.script,
                agent.folder,
                ChildEnvironment.of(host, definition, null),
                new AgentVersions(),
                AgentRegistry.open(folder),
                new TranscriptContext("claude", null, "run-1", 1, 1, 1)),
            new Call.Bounds(
                Duration.ofMinutes(1),
                Duration.ofMinutes(1),
                () -> false,
                () -> {
                  beforeLook.run();
                  return false;
                },
                spending),
            agent.claim(),
            session -> null,
            before,
            Clock.systemUTC());
    boolean resumes = before != null;
    return call.make(
        new AgentCall(
            resumes ? SessionStart.RESUME : SessionStart.FRESH,
            new SessionId("s-1"),
            "task",
            null,
            agent.folder.toString(),
            spending.costUsdLeft()),
        resumes);
  }

  /** What an agent says in one breath, so that nobody sees one part of it without the rest. */
  private static String together(String said) {
    return "all=$(" + said + "); echo \"$all\"; ";
  }

  /** Waits until an agent has done all, and a moment for what it has said to be read. */
  private void awaitItsEnd() {
    try {
      while (!Files.exists(folder.resolve("over"))) {
        Thread.sleep(20);
      }
      Thread.sleep(500);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private boolean endedByUs() throws IOException {
    return new ScriptedAgent(folder, "").ledger().contains("ended");
  }

  private InvocationProgress lastHeartbeat() {
    return context.heartbeats().get(context.heartbeats().size() - 1);
  }

  @Test
  void an_agent_on_overage_is_ended_at_once_and_waits_for_the_allowance_itself()
      throws IOException {
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class,
            make("init; " + together("overage; spend 1 7") + "sleep 500 & wait; result no", AVOID));

    UsageLimit limit = limited.limit();
    assertEquals(ResetTime.exactly(Instant.ofEpochSecond(MAIN_RESET)), limit.reset());
    assertEquals(LimitScope.SESSION, limit.scope());
    assertEquals(UsageLimit.SetBy.WINDOW, limit.setBy());
    assertEquals("overage-avoided", limit.evidence().rule());
    assertTrue(limit.evidence().text().contains("isUsingOverage"), limit.evidence().text());
    assertTrue(endedByUs());
    assertEquals(new SessionId("s-1"), limited.facts().session());
    assertEquals(7, limited.facts().tokens().total());
    assertNotNull(limited.facts().overage());
  }

  @Test
  void an_attempt_that_is_lost_while_its_agent_is_ended_leaves_the_limit_to_the_next()
      throws IOException {
    make("init; overage; sleep 500 & wait", AVOID);
    InvocationProgress told = lastHeartbeat();
    assertEquals(ResetTime.exactly(Instant.ofEpochSecond(MAIN_RESET)), told.limit().reset());
    assertNull(told.limit().evidence().text());
    assertEquals(0.0, told.overageUsd());
  }

  @Test
  void an_overage_whose_allowance_has_no_known_reset_is_a_limit_of_unknown_end()
      throws IOException {
    UsageLimit limit =
        assertInstanceOf(AgentOutcome.Limited.class, make("init; unnamed; sleep 500 & wait", AVOID))
            .limit();
    assertNull(limit.reset(), "the overage's own reset is not the allowance's");
    assertEquals(LimitScope.UNKNOWN, limit.scope());
    assertFalse(limit.endless());
    assertFalse(limit.unrecognised());
  }

  @Test
  void an_agent_on_overage_that_has_answered_completes_and_says_so() throws IOException {
    // Seen on overage before it has answered, it would be ended.
    beforeLook = this::awaitItsEnd;
    AgentOutcome.Completed completed =
        assertInstanceOf(
            AgentOutcome.Completed.class,
            make("init; " + together("overage; say x; result done") + "touch over", AVOID));
    assertEquals("done", completed.text());
    assertFalse(endedByUs());
    assertEquals(0.5, completed.facts().overageUsd());
    assertEquals(
        ResetTime.exactly(Instant.ofEpochSecond(MAIN_RESET)), completed.facts().overage().reset());
    assertNull(lastHeartbeat().limit(), "a completed call has met no limit");
  }

  @Test
  void an_agent_that_fails_on_overage_is_not_tried_again_before_the_allowance_is_back()
      throws IOException {
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class, make("init; overage; error 'Overloaded' 529", AVOID));
    assertEquals("overage-avoided", limited.limit().evidence().rule());

    assertThrows(
        ApplicationFailure.class, () -> make("init; overage; error 'Overloaded' 529", USE));
  }

  @Test
  void an_agent_may_go_on_with_overage_where_the_run_uses_it_and_that_is_seen_at_once()
      throws IOException {
    context.whenHeard(
        told -> {
          if (told.phase() == InvocationProgress.Phase.WORKING
              && Double.valueOf(0).equals(told.overageUsd())) {
            ScriptedAgent.create(folder.resolve("seen"));
          }
        });
    AgentOutcome.Completed completed =
        assertInstanceOf(
            AgentOutcome.Completed.class, make("init; overage; awaits seen; result done", USE));
    assertEquals(0.5, completed.facts().overageUsd());
    assertNotNull(completed.facts().overage());
    assertTrue(context.heartbeats().stream().allMatch(told -> told.limit() == null));
  }

  @Test
  void an_agent_within_its_allowance_is_not_on_overage() throws IOException {
    AgentOutcome.Completed completed =
        assertInstanceOf(AgentOutcome.Completed.class, make("init; result done", AVOID));
    assertEquals(0, completed.facts().overageUsd());
    assertNull(completed.facts().overage());
    assertNull(lastHeartbeat().overageUsd());
  }

  @Test
  void an_agent_is_ended_when_the_tokens_left_are_used_and_keeps_its_session() throws IOException {
    AgentOutcome.Stopped stopped =
        assertInstanceOf(
            AgentOutcome.Stopped.class,
            make(
                "init; spend 1 60; spend 2 40; sleep 500 & wait; spend 3 1000; result no",
                new Spending(null, null, 100L)));
    assertEquals(StopReason.BUDGET, stopped.reason());
    assertEquals(100, stopped.facts().tokens().total());
    assertEquals(new SessionId("s-1"), stopped.facts().session());
    assertEquals(Boolean.TRUE, stopped.facts().taken());
    assertTrue(stopped.message().contains("100 tokens of the 100"), stopped.message());
    assertTrue(endedByUs());
  }

  @Test
  void an_agent_that_stays_below_what_is_left_is_not_ended() throws IOException {
    assertInstanceOf(
        AgentOutcome.Completed.class,
        make("init; spend 1 99; sleep 1; result done", new Spending(null, 0.51, 100L)));
    assertFalse(endedByUs());
  }

  @Test
  void an_answer_counts_also_if_it_has_spent_what_was_left() throws IOException {
    AgentOutcome.Completed completed =
        assertInstanceOf(
            AgentOutcome.Completed.class,
            make("init; result done; sleep 1", new Spending(null, 0.1, 5L)));
    assertEquals(0.5, completed.facts().costUsd());
    assertFalse(endedByUs());
  }

  @Test
  void attempts_together_spend_what_is_left_and_none_is_started_on_nothing() throws IOException {
    InvocationProgress before =
        new InvocationProgress(
            InvocationProgress.Phase.WORKING,
            new SessionId("s-1"),
            true,
            null,
            null,
            new TokenUsage(70, 0, 0, 0, 0),
            "host-1",
            1,
            1,
            null,
            null,
            0.25,
            null,
            null);
    AgentOutcome.Stopped stopped =
        assertInstanceOf(
            AgentOutcome.Stopped.class,
            make("init; spend 1 30; sleep 500 & wait", new Spending(null, null, 100L), before));
    assertEquals(StopReason.BUDGET, stopped.reason());
    assertEquals(100, stopped.facts().tokens().total());
    assertEquals(0.25, stopped.facts().costUsd());
    assertEquals(100, lastHeartbeat().tokens().total());

    int started = new ScriptedAgent(folder, "").ledger().size();
    AgentOutcome.Stopped unstarted =
        assertInstanceOf(
            AgentOutcome.Stopped.class,
            make("init; result no", new Spending(null, 0.25, null), before));
    assertEquals(StopReason.BUDGET, unstarted.reason());
    assertEquals(new SessionId("s-1"), unstarted.facts().session());
    assertEquals(70, unstarted.facts().tokens().total());
    assertEquals(started, new ScriptedAgent(folder, "").ledger().size());
  }

  @Test
  void a_session_that_is_resumed_is_charged_only_what_it_costs_more() throws IOException {
    Path projects = folder.resolve(".claude/projects/here");
    Files.createDirectories(projects);
    Files.writeString(
        projects.resolve("s-1.jsonl"),
        """
        {"type":"cost-state","sessionId":"s-1","totalCostUSD":0.1}
        {"type":"user","message":{"content":"a \\"cost-state\\" of 9"}}
        {"type":"cost-state","sessionId":"s-1","totalCostUSD":0.375}
        """);
    InvocationProgress before =
        new InvocationProgress(
            InvocationProgress.Phase.WORKING, new SessionId("s-1"), true, null, null, null, "h", 1);
    AgentOutcome.Completed completed =
        assertInstanceOf(
            AgentOutcome.Completed.class,
            make(
                "echo \"$*\" >> ledger; init; result done", new Spending(null, 2.0, null), before));
    assertEquals(0.125, completed.facts().costUsd());
  }

  @Test
  void an_interrupted_program_is_charged_what_it_has_left_in_its_sessions_file()
      throws IOException {
    Path projects = Files.createDirectories(folder.resolve(".claude/projects/here"));
    String left = "{\"type\":\"cost-state\",\"totalCostUSD\":0.25}";
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class,
            make(
                "trap \"echo '"
                    + left.replace("\"", "\\\"")
                    + "' > "
                    + projects.toRealPath().resolve("s-1.jsonl")
                    + "; exit 0\" INT; init; overage; sleep 500 & wait",
                AVOID));
    assertEquals(0.25, limited.facts().costUsd());
    assertEquals(0.25, limited.facts().overageUsd());
  }

  @Test
  void the_program_is_told_what_it_may_cost_unless_its_arguments_say_so() throws IOException {
    AgentDefinition definition = new ScriptedAgent(folder, "").definition();
    AgentCall call =
        new AgentCall(
            SessionStart.RESUME, new SessionId("s-1"), "on", null, folder.toString(), 0.000_001);
    List<String> line = Providers.driver(definition).commandLine(call).arguments();
    assertEquals("0.0000010", line.get(line.indexOf(MAX_BUDGET) + 1));

    AgentCall unbounded =
        new AgentCall(SessionStart.RESUME, new SessionId("s-1"), "on", null, folder.toString());
    assertFalse(
        Providers.driver(definition).commandLine(unbounded).arguments().contains(MAX_BUDGET));

    AgentDefinition bounded =
        AgentDefinition.newBuilder("claude", "claude")
            .setCommand(definition.command())
            .setArgs(List.of(MAX_BUDGET + "=1"))
            .build();
    assertFalse(Providers.driver(bounded).commandLine(call).arguments().contains(MAX_BUDGET));
  }

  @Test
  void a_program_that_has_ended_itself_for_the_budget_stops_for_the_budget() throws IOException {
    String spent =
        "init; spend 1 9; echo '{\"type\":\"result\",\"subtype\":\"error_max_budget_usd\","
            + "\"is_error\":true,\"errors\":[\"Reached maximum budget ($0.1)\"],"
            + "\"total_cost_usd\":0.11,\"usage\":{\"input_tokens\":0,\"output_tokens\":0},"
            + "\"session_id\":\"'$session'\"}'; exit 1";
    AgentOutcome.Stopped stopped =
        assertInstanceOf(AgentOutcome.Stopped.class, make(spent, new Spending(null, 0.1, null)));
    assertEquals(StopReason.BUDGET, stopped.reason());
    assertEquals(0.11, stopped.facts().costUsd());
    assertEquals(9, stopped.facts().tokens().total(), "its result tells no tokens");

    AgentOutcome.Stopped agentsOwn = assertInstanceOf(AgentOutcome.Stopped.class, make(spent, USE));
    assertEquals(StopReason.CREDIT, agentsOwn.reason());
  }
}
