package dev.outlast.worker.e2e;

import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.CountWorkflowExecutionsRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Many runs of one account meet its limit at once, wait, and resume, on the real server with two
 * workers, of which the one that releases the runs is killed meanwhile. Measures what that takes,
 * and fails if a run is lost or doubled, or an agent was started against the closed gate. The main
 * class of {@code .ci/scale}: arguments are the number of runs, the spread and the time until the
 * reset in seconds, and an empty folder.
 *
 * <p>What happened is known from the ledger of the scripted agents and from Temporal's histories,
 * not from what the workers say of themselves.
 */
final class Scale {

  /** One run in so many has the highest priority. */
  private static final int URGENT_EVERY = 20;

  /** How many agents may be at work on each of the two hosts. */
  private static final int AGENTS = 50;

  private static final int STARTERS = 8;

  /** The provider opens so much later than it said: the first run that tries is refused. */
  private static final Duration LATE = Duration.ofSeconds(10);

  /** A worker is killed when one run in so many has resumed. */
  private static final int KILL_AT = 4;

  private static final Duration UNTIL_NEW_WORKER = Duration.ofSeconds(3);

  /** From the reset on, beyond what the runs are spread over. */
  private static final Duration PATIENCE = Duration.ofMinutes(15);

  private static final Duration LOOK = Duration.ofSeconds(5);

  // The bounds.

  /** An answer from before the gate was closed may be acted upon for so long. */
  private static final Duration UNTIL_KNOWN = Duration.ofSeconds(6);

  /** How many times as many resumes as there are if they are evenly spread. */
  private static final int MOST_AT_ONCE = 3;

  /** The first one is refused, and the next one gets through. */
  private static final int MOST_PROBES = 2;

  private static final Duration MOST_TO_CLOSE = Duration.ofSeconds(20);

  /** A gate's history ends at 1,000 events, and then takes what is under way. */
  private static final int MOST_GATE_EVENTS = 1_200;

  private static final int MOST_EVENTS_OF_WAIT = 20;
  private static final int SAMPLE = 50;

  private final int runs;
  private final Duration spread;
  private final Path folder;
  private final PrintStream out;
  private final RealTemporal temporal;
  private final WorkflowServiceStubs stubs;
  private final WorkflowClient client;
  private final Instant began = Instant.now();
  private final Instant reset;
  private final Instant opens;
  private final Map<String, Program> workers = new LinkedHashMap<>();
  private final Map<Long, Instant> killed = new HashMap<>();
  private final Set<String> urgent = new HashSet<>();
  private final Map<String, Long> mostRss = new TreeMap<>();
  private final List<String> broken = new ArrayList<>();

  private Scale(int runs, Duration spread, Duration lead, Path folder, PrintStream out)
      throws Exception {
    this.runs = runs;
    this.spread = spread;
    this.folder = folder;
    this.out = out;
    temporal = RealTemporal.start(folder);
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
    reset = Instant.ofEpochSecond(Instant.now().plus(lead).getEpochSecond());
    opens = reset.plus(LATE);
  }

  /** Ends with 0 if every bound was kept, and with 1 otherwise. */
  public static void main(String[] args) {
    boolean well = false;
    try {
      Scale scale =
          new Scale(
              Integer.parseInt(args[0]),
              Duration.ofSeconds(Long.parseLong(args[1])),
              Duration.ofSeconds(Long.parseLong(args[2])),
              Path.of(args[3]).toAbsolutePath(),
              System.out);
      try {
        well = scale.run();
      } finally {
        scale.close();
      }
    } catch (Exception | AssertionError e) {
      e.printStackTrace(System.out);
    }
    System.out.flush();
    // Threads of the client's may live on.
    Runtime.getRuntime().exit(well ? 0 : 1);
  }

  private boolean run() throws Exception {
    startWorker("a");
    startWorker("b");
    rss("idle");
    startRuns();
    awaitWaiting();
    Thread.sleep(Math.max(0, Duration.between(Instant.now(), reset).toMillis()));
    say("the reset");
    killTheReleasing();
    awaitEnds();
    rss("after");
    judge();
    broken.forEach(what -> out.println("BROKEN: " + what));
    return broken.isEmpty();
  }

  // What is done.

  private void startWorker(String host) throws Exception {
    Path log = Files.createTempFile(folder, "worker-" + host, ".log");
    Program worker =
        Program.start(
            log,
            Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()),
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.outlast.worker.plugin.ScaleWorker",
                temporal.address(),
                host,
                reset.toString(),
                opens.toString(),
                spread.toString(),
                Integer.toString(AGENTS),
                folder.toString()));
    workers.put(host, worker);
    Await.until(
        Duration.ofSeconds(120),
        () -> worker.runs() && worker.output().contains("Ready: "),
        () -> "the worker does not start: " + worker.output());
  }

  private void startRuns() throws Exception {
    ExecutorService starters = Executors.newFixedThreadPool(STARTERS);
    try {
      List<Future<?>> started = new ArrayList<>();
      for (int i = 0; i < runs; i++) {
        String run = "run-%05d".formatted(i);
        boolean first = i % URGENT_EVERY == URGENT_EVERY / 2;
        if (first) {
          urgent.add(run);
        }
        started.add(starters.submit(() -> start(run, first)));
      }
      for (Future<?> one : started) {
        one.get();
      }
    } finally {
      starters.shutdownNow();
    }
    say("all runs are started");
  }

  private void start(String name, boolean first) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder()
                .setTaskQueue(Names.TASK_QUEUE)
                .setWorkflowId(name)
                .build());
    AgentRunRequest.Builder request = AgentRunRequest.newBuilder().setPrompt("Do it.");
    WorkflowClient.start(run::run, (first ? request.setPriority(1) : request).build());
  }

  private void awaitWaiting() throws Exception {
    while (Instant.now().isBefore(reset)) {
      long waiting = count("AgentState = 'waiting'");
      rss("filling");
      say("waiting: " + waiting);
      if (waiting == runs) {
        rss("waiting");
        return;
      }
      Thread.sleep(LOOK.toMillis());
    }
    long late = runs - ScaleLedger.in(folder).held();
    if (late > 0) {
      broken.add(late + " runs had not heard of the limit by its reset; give them more time");
    }
  }

  /** Kills the worker that tells the runs that they may go on, and starts a new one. */
  private void killTheReleasing() throws Exception {
    Instant latest = Instant.now().plus(spread).plus(PATIENCE);
    while (ScaleLedger.in(folder).count("DONE") < runs / KILL_AT) {
      if (Instant.now().isAfter(latest)) {
        broken.add("the runs do not resume");
        return;
      }
      rss("releasing");
      Thread.sleep(1_000);
    }
    String host = releasing().orElse("a");
    Program victim = workers.get(host);
    victim.kill();
    killed.put(victim.pid(), Instant.now());
    say("worker of host " + host + " is killed");
    Thread.sleep(UNTIL_NEW_WORKER.toMillis());
    startWorker(host);
    say("a new one is there");
  }

  /** The host whose worker does the gate's release. */
  private Optional<String> releasing() {
    return client
        .newUntypedWorkflowStub(gate())
        .describe()
        .getRawDescription()
        .getPendingActivitiesList()
        .stream()
        .map(activity -> activity.getLastWorkerIdentity())
        .filter(identity -> identity.contains("@"))
        .map(identity -> identity.substring(identity.indexOf('@') + 1))
        .findFirst();
  }

  private void awaitEnds() throws Exception {
    Instant latest = Instant.now().plus(spread.multipliedBy(2)).plus(PATIENCE);
    while (Instant.now().isBefore(latest)) {
      long left = count("ExecutionStatus = 'Running'");
      rss("releasing");
      say("have not ended: " + left);
      if (left == 0) {
        return;
      }
      Thread.sleep(LOOK.toMillis());
    }
  }

  // What is measured.

  private void judge() throws Exception {
    ScaleLedger ledger = ScaleLedger.in(folder);
    GateHistory gate = GateHistory.of(client, gate());
    List<ScaleLedger.Entry> hits = ledger.all("LIMIT");
    Instant firstHit = hits.get(0).at();
    List<ScaleLedger.Entry> starts = ledger.firstStarts(gate.opened());
    Instant lastResume = starts.isEmpty() ? opens : starts.get(starts.size() - 1).at();
    Instant known = gate.closed().plus(UNTIL_KNOWN);
    List<ScaleLedger.Entry> probes = ledger.starts(known, gate.opened());
    int most = ledger.histogram(starts, gate.opened()).values().stream().reduce(0, Math::max);
    double even = runs * 10.0 / spread.toSeconds();
    Set<String> names = new HashSet<>();
    IntStream.range(0, runs).forEach(i -> names.add("run-%05d".formatted(i)));
    Set<String> lost = ledger.lost(names);
    Set<String> doubled = ledger.doubled(killed);
    long notCompleted = runs - count("ExecutionStatus = 'Completed'");
    int rank = 0;
    for (int i = 0; i < starts.size(); i++) {
      rank = urgent.contains(starts.get(i).run()) ? i + 1 : rank;
    }
    int eventsOfWait = eventsOfWait();

    out.printf("%nscale: %d runs, spread over %d s%n", runs, spread.toSeconds());
    figure("first hit to gate closed", seconds(firstHit, gate.closed()));
    figure("agents started before the first hit", count(ledger.starts(Instant.MIN, firstHit)));
    figure("and then, before the gate was closed", count(ledger.starts(firstHit, gate.closed())));
    figure("and then, before that was known", count(ledger.starts(gate.closed(), known)));
    figure("hits in all", count(hits));
    probes.forEach(start -> figure("reset to a run that tries", seconds(reset, start.at())));
    figure("reset to the provider's opening", seconds(reset, opens));
    figure("reset to gate open", seconds(reset, gate.opened()));
    figure("gate open to last resume", seconds(gate.opened(), lastResume));
    figure("agents started against the closed gate", count(probes));
    figure("deferred invocations", Long.toString(ledger.count("DEFER")));
    figure("runs lost", lost.size() + " (not completed: " + notCompleted + ")");
    figure("runs resumed twice", Integer.toString(doubled.size()));
    figure(
        "the last urgent run's place",
        rank + " of " + starts.size() + ", urgent: " + urgent.size());
    figure("events from limit to resume, most of " + Math.min(runs, SAMPLE), "" + eventsOfWait);
    figure("gate's histories", gate.lengths() + " events, " + gate.bytes() + " bytes");
    figure("gate's events", gate.counts().toString());
    mostRss.forEach((what, kilobytes) -> figure("RSS " + what, kilobytes / 1024 + " MB"));
    calls().forEach((method, calls) -> figure("calls " + method, Long.toString(calls)));
    figure("most resumes in 10 s", "%d, evenly spread %.0f".formatted(most, even));
    figure("resumes per 10 s", ledger.histogram(starts, gate.opened()).toString());

    bound(!lost.isEmpty() || notCompleted > 0, "lost: " + lost);
    bound(!doubled.isEmpty(), "resumed twice: " + doubled);
    bound(probes.size() > MOST_PROBES, "agents started against the closed gate: " + probes);
    bound(most > MOST_AT_ONCE * even, "a herd: " + most + " resumes in 10 s");
    bound(gate.closed().isAfter(firstHit.plus(MOST_TO_CLOSE)), "the gate took too long to close");
    bound(gate.longest() > MOST_GATE_EVENTS, "a history of the gate is too long");
    bound(eventsOfWait == 0, "no run was seen to wait");
    bound(eventsOfWait > MOST_EVENTS_OF_WAIT, "a wait costs too many events");
    // Whoever is told at the same time may begin in another order: a worker has so many places.
    bound(rank > urgent.size() + 2 * AGENTS, "an urgent run had to wait for others");
  }

  private void bound(boolean isBroken, String what) {
    if (isBroken) {
      broken.add(what.length() > 300 ? what.substring(0, 300) + "…" : what);
    }
  }

  private void figure(String name, String value) {
    out.printf("  %-45s %s%n", name, value);
  }

  private static String seconds(Instant from, Instant to) {
    return "%.1f s".formatted(Duration.between(from, to).toMillis() / 1_000.0);
  }

  private static String count(List<ScaleLedger.Entry> entries) {
    return Integer.toString(entries.size());
  }

  /** The most events that a run's history has from its first invocation's end to the next one. */
  private int eventsOfWait() {
    int most = 0;
    for (int i = 0; i < Math.min(runs, SAMPLE); i++) {
      String run = "run-%05d".formatted(i * Math.max(1, runs / SAMPLE));
      long invoked = 0;
      long held = 0;
      long resumed = 0;
      for (HistoryEvent event : client.fetchHistory(run).getEvents()) {
        boolean invokes =
            event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
                && event
                    .getActivityTaskScheduledEventAttributes()
                    .getActivityType()
                    .getName()
                    .equals("invokeAgent");
        if (invokes && invoked == 0) {
          invoked = event.getEventId();
        } else if (invokes && resumed == 0) {
          resumed = event.getEventId();
        } else if (event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
            && event.getActivityTaskCompletedEventAttributes().getScheduledEventId() == invoked) {
          held = event.getEventId();
        }
      }
      most = (int) Math.max(most, resumed - held);
    }
    return most;
  }

  private long count(String query) {
    return stubs
        .blockingStub()
        .countWorkflowExecutions(
            CountWorkflowExecutionsRequest.newBuilder()
                .setNamespace("default")
                .setQuery("WorkflowType = '" + Names.AGENT_RUN + "' AND " + query)
                .build())
        .getCount();
  }

  /** Notes how much memory the processes take, as {@code ps} has it on Linux and macOS. */
  private void rss(String phase) throws Exception {
    rss(phase + ", server", temporal.pid());
    for (Map.Entry<String, Program> worker : workers.entrySet()) {
      if (worker.getValue().isAlive()) {
        rss(phase + ", worker", worker.getValue().pid());
      }
    }
  }

  private void rss(String what, long pid) throws Exception {
    Process ps = new ProcessBuilder("ps", "-o", "rss=", "-p", Long.toString(pid)).start();
    String said = new String(ps.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
    if (ps.waitFor() == 0 && !said.isEmpty()) {
      mostRss.merge(what, Long.parseLong(said), Math::max);
    }
  }

  /** What the workers have asked of the server, all together. */
  private Map<String, Long> calls() throws IOException {
    Map<String, Long> calls = new TreeMap<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "calls-*")) {
      for (Path file : files) {
        if (!file.toString().endsWith(".new")) {
          for (String line : Files.readAllLines(file)) {
            String[] fields = line.split(" ");
            calls.merge(fields[0], Long.parseLong(fields[1]), Long::sum);
          }
        }
      }
    }
    return calls;
  }

  /** What the gate's own histories say. */
  private record GateHistory(
      List<Integer> lengths,
      long bytes,
      Map<String, Integer> counts,
      Instant closed,
      Instant opened) {

    static GateHistory of(WorkflowClient client, String id) {
      List<HistoryEvent> events = new ArrayList<>();
      List<Integer> lengths = new ArrayList<>();
      long bytes = 0;
      String runId = null;
      do {
        WorkflowExecutionHistory history =
            runId == null ? client.fetchHistory(id) : client.fetchHistory(id, runId);
        lengths.add(0, history.getEvents().size());
        bytes += history.getHistory().getSerializedSize();
        events.addAll(0, history.getEvents());
        runId =
            history
                .getEvents()
                .get(0)
                .getWorkflowExecutionStartedEventAttributes()
                .getContinuedExecutionRunId();
      } while (!runId.isEmpty());
      Map<String, Integer> counts = new TreeMap<>();
      boolean told = false;
      Instant closed = null;
      Instant opened = null;
      for (HistoryEvent event : events) {
        String type = name(event);
        counts.merge(type, 1, Integer::sum);
        told |= type.equals("WORKFLOW_EXECUTION_SIGNALED");
        if (closed == null && told && type.equals("WORKFLOW_TASK_COMPLETED")) {
          closed = at(event);
        }
        opened = opened == null && type.equals("Release") ? at(event) : opened;
      }
      if (closed == null || opened == null) {
        throw new AssertionError("the gate was never closed and opened: " + counts);
      }
      return new GateHistory(lengths, bytes, counts, closed, opened);
    }

    int longest() {
      return lengths.stream().mapToInt(length -> length).max().orElse(0);
    }

    private static String name(HistoryEvent event) {
      return event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
          ? event.getActivityTaskScheduledEventAttributes().getActivityType().getName()
          : event.getEventType().name().replace("EVENT_TYPE_", "");
    }

    private static Instant at(HistoryEvent event) {
      return Instant.ofEpochSecond(
          event.getEventTime().getSeconds(), event.getEventTime().getNanos());
    }
  }

  private static String gate() {
    return Names.gateId("claude", "work");
  }

  private void say(String what) {
    out.printf("%5d s  %s%n", Duration.between(began, Instant.now()).toSeconds(), what);
  }

  private void close() {
    workers.values().forEach(Program::kill);
    stubs.shutdownNow();
    temporal.close();
  }
}
