package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.Account;
import dev.outlast.activities.gate.AccountRules;
import dev.outlast.activities.gate.Admission;
import dev.outlast.activities.gate.Admission.Visitor;
import dev.outlast.activities.gate.Gates;
import dev.outlast.activities.gate.Hours;
import dev.outlast.activities.gate.Shown;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress.Spend;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Agents of one account that cost nothing. Each asks the account's gate before it starts. The
 * allowance is used up when all places of the host are taken; whoever is at work then, or starts
 * nevertheless, meets the limit. A little later than the provider has said it lets them through.
 * What they do is written down in a ledger, one line for each fact, and what was begun is on the
 * disk before it is. Thread-safe.
 *
 * <p>A line is {@code <microseconds of the epoch> <pid> <EVENT> <run> <number of the invocation>}:
 * {@code DEFER} (the gate was shut), {@code START}, {@code LIMIT} (started, and refused), {@code
 * DONE}.
 */
final class ScaleAgent implements AgentActivities {

  static final String ACCOUNT = "work";
  static final String PROVIDER = "claude";

  /** How long after its beginning an agent has an answer of the model. */
  private static final Duration FIRST_ANSWER = Duration.ofMillis(300);

  /** If not all places are taken by then; less than Temporal waits for a sign of life. */
  private static final Duration LONGEST_ALLOWANCE = Duration.ofSeconds(15);

  private static final Duration WORK = Duration.ofMillis(700);

  /** A file beside the ledger; while it is there agents have begun, and do nothing more. */
  private static final String HOLD = "hold";

  private static final Duration LOOK = Duration.ofMillis(20);
  private static final TokenUsage USED = new TokenUsage(10, 5, 0, 0, 0);

  private final String host;
  private final Gates gates;
  private final Instant reset;
  private final Instant opens;
  private final AccountRules rules;
  private final FileChannel ledger;
  private final Path hold;

  /** Places that are still free, before the allowance is used up. */
  private final CountDownLatch free;

  private final Account account = new Account(PROVIDER, ACCOUNT);

  /**
   * @param reset as the provider says it
   * @param opens when it really lets agents through
   * @param spread over how long the waiting runs are spread
   * @param places how many agents may be at work on this host
   */
  ScaleAgent(
      String host,
      Gates gates,
      Instant reset,
      Instant opens,
      Duration spread,
      int places,
      Path ledger)
      throws IOException {
    this.free = new CountDownLatch(places);
    this.host = host;
    this.gates = gates;
    this.reset = reset;
    this.opens = opens;
    this.rules =
        new AccountRules(
            new GateSettings(0, null, 0, 0, spread),
            Hours.NONE,
            Hours.NONE,
            new ResumePolicy(
                Duration.ofSeconds(1),
                Duration.ofSeconds(1),
                Duration.ofMinutes(1),
                Duration.ofMinutes(10),
                Duration.ofDays(1),
                null,
                0,
                null),
            ZoneOffset.UTC);
    this.hold = ledger.resolveSibling(HOLD);
    this.ledger =
        FileChannel.open(
            ledger, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
  }

  @Override
  public ResolvedAgent resolveAgent(AgentSelection selection) {
    return new ResolvedAgent(
        PROVIDER,
        PROVIDER,
        ACCOUNT,
        null,
        "/srv/repo",
        new SessionId(UUID.randomUUID().toString()),
        "Go on.",
        rules.policy(),
        host,
        Names.hostTaskQueue(Names.TASK_QUEUE, host),
        true,
        null,
        null,
        null,
        null);
  }

  @Override
  public AgentOutcome invokeAgent(AgentInvocation call) {
    ActivityInfo info = Activity.getExecutionContext().getInfo();
    String run = info.getWorkflowId();
    Visitor visitor =
        new Visitor(
            account,
            run,
            call.model(),
            call.accountTurn(),
            info.getAttempt() > 1,
            Spend.NONE,
            false);
    try (Admission admission = new Admission(gates, rules, Clock.systemUTC(), visitor)) {
      Optional<Deferred> notNow = admission.ask(null);
      if (notNow.isPresent()) {
        note("DEFER", run, call, false);
        return notNow.get();
      }
      return admission.ended(work(call, run, admission));
    }
  }

  private AgentOutcome work(AgentInvocation call, String run, Admission admission) {
    note("START", run, call, true);
    Activity.getExecutionContext().heartbeat(null);
    while (Files.exists(hold)) {
      pause(LOOK);
      Activity.getExecutionContext().heartbeat(null);
    }
    if (Instant.now().isBefore(reset)) {
      useUpTheAllowance();
    }
    pause(FIRST_ANSWER);
    if (Instant.now().isBefore(opens)) {
      note("LIMIT", run, call, true);
      return limited(call);
    }
    admission.atWork(new Shown(true, AccountFacts.NONE, USED, 0, null));
    pause(WORK);
    note("DONE", run, call, true);
    return new AgentOutcome.Completed(facts(call), "done");
  }

  private void useUpTheAllowance() {
    free.countDown();
    try {
      // Whether all were taken or not: it is used up.
      boolean all = free.await(LONGEST_ALLOWANCE.toMillis(), TimeUnit.MILLISECONDS);
      while (!all && free.getCount() > 0) {
        free.countDown();
      }
    } catch (InterruptedException e) {
      throw ended(e);
    }
  }

  private AgentOutcome limited(AgentInvocation call) {
    InvocationFacts facts = facts(call);
    return new AgentOutcome.Limited(
        facts,
        new UsageLimit(
            PROVIDER,
            ACCOUNT,
            LimitScope.SESSION,
            ResetTime.exactly(reset),
            UsageLimit.SetBy.WINDOW,
            facts.observedAt(),
            new LimitEvidence("scale", "the limit is reached", "scripted", "1", "UTC"),
            null));
  }

  private static InvocationFacts facts(AgentInvocation call) {
    return new InvocationFacts(call.session(), true, "1", true, USED, 0, Instant.now(), null, null);
  }

  private void note(String event, String run, AgentInvocation call, boolean durable) {
    Instant now = Instant.now();
    long micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
    String line =
        micros
            + " "
            + ProcessHandle.current().pid()
            + " "
            + event
            + " "
            + run
            + " "
            + call.number()
            + "\n";
    try {
      synchronized (this) {
        ledger.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
      }
      if (durable) {
        ledger.force(false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void pause(Duration pause) {
    try {
      Thread.sleep(pause.toMillis());
    } catch (InterruptedException e) {
      throw ended(e);
    }
  }

  private static IllegalStateException ended(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IllegalStateException("the worker ends", e);
  }

  @Override
  public Worktree makeWorktree(String workspace) {
    throw new UnsupportedOperationException("no run here has a worktree");
  }

  @Override
  public HandoffNotes handOff(HandoffRequest request) {
    throw new UnsupportedOperationException("no run here leaves its session");
  }

  @Override
  public HostSighting seeHost(String asked) {
    return new HostSighting(Instant.now(), Instant.now());
  }

  @Override
  public WorktreeEnd releaseWorktree(Worktree worktree) {
    throw new UnsupportedOperationException("no run here has a worktree");
  }
}
