package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentRecord;
import dev.outlast.activities.process.ProcessIdentity;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;

/**
 * A host whose workers and agents are simulated, with real claims. It watches that no two agents
 * ever run beside each other in one workspace, on one session or for one run, and that no agent of
 * a run starts after one of a newer attempt.
 */
final class SimulatedHost implements RecordedAgents {

  static final String NAMESPACE = "default";

  /** An agent: held at first, then running or ended, and at last ended. */
  private static final class Agent {
    final AgentRecord record;
    final Attempt attempt;
    boolean running;
    boolean ended;

    Agent(AgentRecord record, Attempt attempt) {
      this.record = record;
      this.attempt = attempt;
    }
  }

  private final Path stateFolder;
  private final Duration patience;
  private final AtomicLong numbers = new AtomicLong(1000);
  private final Map<ProcessIdentity, Agent> agents = new LinkedHashMap<>();
  private final Set<ProcessIdentity> livingWorkers = ConcurrentHashMap.newKeySet();
  private final Map<String, Claimant> newestStarted = new LinkedHashMap<>();
  private final List<String> started = new ArrayList<>();
  volatile Instant now = Instant.parse("2026-11-21T12:00:00Z");

  /** What happens to whoever is about to list the agents, or to end some. */
  volatile Runnable beforeListing = () -> {};

  volatile Runnable beforeEnding = () -> {};

  /** Whether nothing ends an agent. */
  volatile boolean agentsSurvive;

  SimulatedHost(Path stateFolder, Duration patience) {
    this.stateFolder = stateFolder;
    this.patience = patience;
  }

  private ProcessIdentity process() {
    long number = numbers.incrementAndGet();
    return new ProcessIdentity(number, "start-" + number, "boot");
  }

  Worker worker() {
    ProcessIdentity identity = process();
    livingWorkers.add(identity);
    return new Worker(identity);
  }

  private boolean lives(ProcessIdentity process) {
    if (livingWorkers.contains(process)) {
      return true;
    }
    synchronized (agents) {
      Agent agent = agents.get(process);
      return agent != null && !agent.ended;
    }
  }

  /** The runs whose agents were let go, in order. */
  List<String> started() {
    synchronized (agents) {
      return List.copyOf(started);
    }
  }

  @Override
  public List<AgentRecord> records() {
    beforeListing.run();
    synchronized (agents) {
      return agents.values().stream()
          .filter(agent -> !agent.ended)
          .map(agent -> agent.record)
          .toList();
    }
  }

  @Override
  public boolean end(Predicate<AgentRecord> which) {
    beforeEnding.run();
    if (agentsSurvive) {
      return false;
    }
    synchronized (agents) {
      agents.values().stream()
          .filter(agent -> which.test(agent.record))
          .forEach(agent -> agent.ended = true);
    }
    return true;
  }

  /** A worker process. */
  final class Worker {
    final ProcessIdentity identity;
    final ClaimTable claims;

    Worker(ProcessIdentity identity) {
      this.identity = identity;
      this.claims =
          new ClaimTable(
              stateFolder,
              SimulatedHost.this,
              identity,
              SimulatedHost.this::lives,
              new Clock() {
                @Override
                public Instant instant() {
                  return now;
                }

                @Override
                public java.time.ZoneId getZone() {
                  return java.time.ZoneOffset.UTC;
                }

                @Override
                public Clock withZone(java.time.ZoneId zone) {
                  return this;
                }
              },
              patience);
    }

    /** Its agents stay, as their end may take a while. */
    void dies() {
      livingWorkers.remove(identity);
    }

    Attempt attempt(String run, int number, long scheduledAt) {
      return attempt(run, "execution-of-" + run, number, scheduledAt, 1);
    }

    Attempt attempt(String run, String execution, int invocation, long scheduledAt, int attempt) {
      return new Attempt(
          this,
          new Claimant(
              NAMESPACE,
              new AgentOwner(run, execution, "activity-" + invocation, attempt),
              invocation,
              scheduledAt));
    }
  }

  /** One attempt, step by step, in the order of the real thing. */
  final class Attempt {
    final Worker worker;
    final Claimant who;
    String kind = "claude";
    String session;
    Path workspace = Path.of("/srv/repo");
    boolean waits = true;
    private Answer answer;
    private Agent agent;

    Attempt(Worker worker, Claimant who) {
      this.worker = worker;
      this.who = who;
      this.session = "session-of-" + who.owner().workflowId();
    }

    Attempt in(Path folder) {
      workspace = folder;
      return this;
    }

    Attempt with(String sessionKind, String id) {
      kind = sessionKind;
      session = id;
      return this;
    }

    Attempt thatStopsIfBusy() {
      waits = false;
      return this;
    }

    Answer claim() throws IOException {
      answer =
          worker.claims.take(
              who,
              kind,
              session == null ? List.of() : List.of(new SessionId(session)),
              workspace,
              waits);
      return answer;
    }

    boolean claims() throws IOException {
      return claim() instanceof Answer.Granted;
    }

    HeldClaim held() {
      return ((Answer.Granted) answer).claim();
    }

    /** The agent is there and on record, and does nothing yet. */
    Attempt starts() {
      agent =
          new Agent(
              new AgentRecord(
                  process(),
                  worker.identity,
                  who.owner(),
                  session,
                  workspace.toString(),
                  now,
                  "mark-" + numbers.get(),
                  null),
              this);
      synchronized (agents) {
        agents.put(agent.record.agent(), agent);
      }
      return this;
    }

    boolean isOurs() throws IOException {
      return held().isOurs();
    }

    /** Lets the agent go, unless somebody has ended it. */
    boolean lets_go() {
      synchronized (agents) {
        if (agent.ended) {
          return false;
        }
        agent.running = true;
        agents.values().stream()
            .filter(other -> other != agent && other.running && !other.ended)
            .forEach(other -> assertTrue(apart(other), () -> this + " beside " + other.attempt));
        String run = who.owner().workflowId();
        Claimant newest = newestStarted.getOrDefault(run, who);
        assertTrue(!who.isOlderThan(newest), () -> this + " after " + newest);
        newestStarted.put(run, who);
        started.add(run);
        return true;
      }
    }

    private boolean apart(Agent other) {
      return !workspace.equals(other.attempt.workspace)
          && !(kind.equals(other.attempt.kind)
              && Optional.ofNullable(session)
                  .map(one -> one.equals(other.attempt.session))
                  .orElse(false))
          && !who.sameRun(other.attempt.who);
    }

    boolean runs() {
      synchronized (agents) {
        return agent != null && agent.running && !agent.ended;
      }
    }

    void endsItsAgent() {
      synchronized (agents) {
        agent.ended = true;
      }
    }

    /** All of the rest, as long as nothing keeps it from it. */
    boolean worksAfterClaim() throws IOException {
      starts();
      if (!isOurs()) {
        endsItsAgent();
        held().close();
        return false;
      }
      return lets_go();
    }

    void ends() {
      if (agent != null) {
        endsItsAgent();
      }
      held().close();
    }

    @Override
    public String toString() {
      return who + " in " + workspace + " on " + session;
    }
  }
}
