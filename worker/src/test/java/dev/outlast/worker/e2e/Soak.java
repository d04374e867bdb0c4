package dev.outlast.worker.e2e;

import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Kills workers, the server and agents at random while many runs meet usage limits, until it has
 * killed often enough; then lets every run end, and counts what went wrong. The main class of
 * {@code .ci/soak}: arguments are the number of kills, the seed, and an empty folder.
 *
 * <p>The seed decides what is killed when, and what each run is like. What a kill hits also depends
 * on the machine.
 */
final class Soak {

  /** Runs that are under way at the same time, until there have been enough kills. */
  static final int CONCURRENT_RUNS = 40;

  private static final int MAX_AGENTS = 8;

  /** Of a hundred kills so many hit a worker, and so many the server; the others hit an agent. */
  private static final int WORKER_KILLS = 60;

  private static final int SERVER_KILLS = 20;

  /** Of a hundred kills of a worker so many are none: it is frozen, and comes back. */
  private static final int FREEZES = 10;

  private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(3);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(12);

  /** Longer than the server waits for a heartbeat. */
  private static final Duration FROZEN = Duration.ofSeconds(40);

  /**
   * How long runs have to end when nothing is killed any more: retries back off up to 5 minutes.
   */
  private static final Duration PATIENCE = Duration.ofMinutes(12);

  private static final int LONGEST_LIMIT_SECONDS = 60;
  private static final int LONGEST_WORK_MILLIS = 3_000;

  private final int kills;
  private final long seed;
  private final Random random;
  private final CrashStage stage;
  private final PrintStream out;
  private final List<Task> tasks = new ArrayList<>();
  private final List<Task> open = new ArrayList<>();
  private final List<Program> workers = new ArrayList<>();
  private final Map<String, Integer> done = new HashMap<>();
  private Thaw thaw;

  /** A worker that is frozen at the moment. */
  private record Thaw(Program worker, long since) {}

  private Soak(int kills, long seed, CrashStage stage, PrintStream out) {
    this.kills = kills;
    this.seed = seed;
    this.random = new Random(seed);
    this.stage = stage;
    this.out = out;
  }

  /** Ends with 0 if nothing went wrong, and with 1 otherwise. */
  public static void main(String[] args) {
    int kills = Integer.parseInt(args[0]);
    long seed = Long.parseLong(args[1]);
    Path folder = Path.of(args[2]).toAbsolutePath();
    boolean well = false;
    try (CrashStage stage = CrashStage.in(folder, MAX_AGENTS);
        Orphans orphans = new Orphans(stage)) {
      well = new Soak(kills, seed, stage, System.out).run(orphans, folder);
    } catch (Exception | AssertionError e) {
      e.printStackTrace(System.out);
    }
    System.out.flush();
    // Threads of the client's may live on.
    Runtime.getRuntime().exit(well ? 0 : 1);
  }

  private boolean run(Orphans orphans, Path folder) throws Exception {
    Instant began = Instant.now();
    workers.add(stage.startWorker());
    for (int i = 0; i < kills; i++) {
      topUp();
      Thread.sleep(between(SHORTEST_PAUSE.toMillis(), LONGEST_PAUSE.toMillis()));
      String what = disturb();
      done.merge(what.split(" ", 2)[0], 1, Integer::sum);
      out.printf(
          "%4d s  kill %d of %d: %s; runs: %d, under way: %d%n",
          Duration.between(began, Instant.now()).toSeconds(),
          i + 1,
          kills,
          what,
          tasks.size(),
          open.size());
      thawWhenDue();
    }
    thawNow();
    if (workers.isEmpty()) {
      workers.add(stage.startWorker());
    }
    stage.awaitEnds(open, PATIENCE);
    for (Program worker : List.copyOf(workers)) {
      stage.endWorker(worker);
    }
    List<AgentProcesses.Found> left = stage.leftOver();
    orphans.close();
    Verdict verdict = Verdict.of(stage, tasks);
    return report(began, verdict, orphans.found(), left, folder);
  }

  private long between(long least, long most) {
    return least + random.nextLong(most - least + 1);
  }

  /** Keeps as many runs under way as there should be. */
  private void topUp() throws Exception {
    open.removeIf(this::closed);
    while (open.size() < CONCURRENT_RUNS) {
      Task task = newTask();
      stage.run(task, CrashStage.AGENT);
      tasks.add(task);
      open.add(task);
    }
  }

  private boolean closed(Task task) {
    return stage.closed(task);
  }

  private Task newTask() throws Exception {
    List<String> plan = new ArrayList<>();
    StringBuilder limits = new StringBuilder("limits");
    int count = random.nextInt(4) == 0 ? 2 : 1;
    for (int i = 0; i < count; i++) {
      // More short ones than long ones, so that enough runs end.
      double share = random.nextDouble();
      limits.append(' ').append(2 + (int) (share * share * (LONGEST_LIMIT_SECONDS - 2)));
    }
    plan.add(limits.toString());
    plan.add("work " + random.nextInt(LONGEST_WORK_MILLIS));
    if (random.nextInt(10) == 0) {
      plan.add("stubborn");
    }
    if (random.nextInt(10) == 0) {
      plan.add("leaves-child");
    }
    return stage.agent().task("run-" + (tasks.size() + 1), plan.toArray(String[]::new));
  }

  /** Does something bad; says what, beginning with what it hit. */
  private String disturb() throws Exception {
    int choice = random.nextInt(100);
    if (choice < WORKER_KILLS) {
      return disturbWorker();
    }
    if (choice < WORKER_KILLS + SERVER_KILLS) {
      stage.killServer();
      Thread.sleep(between(0, 5_000));
      stage.startServer();
      return "server";
    }
    return killAgent();
  }

  private String disturbWorker() throws Exception {
    if (workers.isEmpty()) {
      workers.add(stage.startWorker());
    }
    Program victim = workers.get(random.nextInt(workers.size()));
    if (thaw == null && random.nextInt(100) < FREEZES) {
      stage.freeze(victim);
      thaw = new Thaw(victim, System.nanoTime());
      workers.remove(victim);
      workers.add(stage.startWorker());
      return "worker frozen, with another beside it";
    }
    switch (random.nextInt(5)) {
      case 0 -> {
        workers.add(stage.startWorker());
        kill(victim);
        return "worker killed when another had begun beside it";
      }
      case 1 -> {
        stage.killWorker(stage.startWorker());
        return "worker killed when it had just begun beside another";
      }
      case 2 -> {
        kill(victim);
        Thread.sleep(between(1_000, 10_000));
        startIfNone();
        return "worker killed, and started after a pause";
      }
      default -> {
        kill(victim);
        startIfNone();
        return "worker killed, and started at once";
      }
    }
  }

  private void kill(Program worker) {
    stage.killWorker(worker);
    workers.remove(worker);
  }

  private void startIfNone() throws Exception {
    if (workers.isEmpty()) {
      workers.add(stage.startWorker());
    }
  }

  private String killAgent() throws Exception {
    long deadline = System.nanoTime() + LONGEST_PAUSE.toNanos();
    while (System.nanoTime() < deadline) {
      Set<Long> alive = new HashSet<>();
      stage.processes().alive().forEach(found -> alive.add(found.pid()));
      List<Task> candidates = new ArrayList<>();
      for (Task task : open) {
        if (alive.contains(task.newestPid())) {
          candidates.add(task);
        }
      }
      if (!candidates.isEmpty()) {
        Task task = candidates.get(random.nextInt(candidates.size()));
        boolean whole = random.nextBoolean();
        long leader = task.newestPid();
        stage.killAgent(task, whole ? -leader : leader);
        return "agent of " + task.name() + (whole ? ", its group" : ", its leader");
      }
      Thread.sleep(50);
    }
    return "agent, but there was none";
  }

  private void thawWhenDue() {
    if (thaw != null && System.nanoTime() - thaw.since() >= FROZEN.toNanos()) {
      stage.thaw(thaw.worker());
      workers.add(thaw.worker());
      thaw = null;
    }
  }

  private void thawNow() throws InterruptedException {
    while (thaw != null) {
      Thread.sleep(100);
      thawWhenDue();
    }
  }

  private boolean report(
      Instant began,
      Verdict verdict,
      List<AgentProcesses.Found> orphans,
      List<AgentProcesses.Found> left,
      Path folder)
      throws Exception {
    int bad =
        verdict.lost()
            + verdict.doubled()
            + verdict.early()
            + verdict.replayFailures()
            + orphans.size()
            + left.size();
    verdict.findings().forEach(out::println);
    orphans.forEach(orphan -> out.println("ORPHAN: " + orphan));
    left.forEach(found -> out.println("ORPHAN at the end: " + found));
    out.printf(
        """

        soak: %d kills %s, seed %d, %d s
          runs %d, completed %d
          invocations %d, limits %d, of which %d were said to a worker that could not tell any more
          lost %d, doubled %d, early %d, orphans %d, replay failures %d
        """,
        kills,
        done,
        seed,
        Duration.between(began, Instant.now()).toSeconds(),
        verdict.runs(),
        verdict.completed(),
        verdict.invocations(),
        verdict.limits(),
        verdict.unheard(),
        verdict.lost(),
        verdict.doubled(),
        verdict.early(),
        orphans.size() + left.size(),
        verdict.replayFailures());
    if (bad > 0) {
      Files.write(folder.resolve("findings"), verdict.findings());
      for (Task task : tasks) {
        Files.writeString(
            folder.resolve(task.name() + ".history.json"),
            stage.client().fetchHistory(task.name()).toJson(true));
      }
    }
    return bad == 0 && verdict.completed() == verdict.runs() && verdict.runs() > 0;
  }

  /** Watches for agents that have outlived their worker for longer than they may. */
  private static final class Orphans implements AutoCloseable {

    private static final Duration PERIOD = Duration.ofSeconds(1);

    private final CrashStage stage;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Map<AgentProcesses.Found, Long> since = new HashMap<>();
    private final Set<AgentProcesses.Found> found = new HashSet<>();
    private final Thread thread = new Thread(this::watch, "orphans");

    Orphans(CrashStage stage) {
      this.stage = stage;
      thread.setDaemon(true);
      thread.start();
    }

    private void watch() {
      while (!closed.get()) {
        look();
        try {
          Thread.sleep(PERIOD.toMillis());
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    private synchronized void look() {
      if (stage.anyFrozen()) {
        // Nobody knows yet whose agents its agents are.
        since.clear();
        return;
      }
      long now = System.nanoTime();
      List<AgentProcesses.Found> alive = stage.processes().alive();
      Set<Long> parents = stage.workerPids();
      alive.forEach(process -> parents.add(process.pid()));
      List<AgentProcesses.Found> alone =
          alive.stream().filter(process -> !parents.contains(process.parent())).toList();
      since.keySet().retainAll(alone);
      for (AgentProcesses.Found one : alone) {
        long first = since.computeIfAbsent(one, whom -> now);
        if (now - first > CrashStage.ORPHAN_GRACE.toNanos()) {
          found.add(one);
        }
      }
    }

    synchronized List<AgentProcesses.Found> found() {
      return List.copyOf(found);
    }

    @Override
    public void close() {
      closed.set(true);
    }
  }
}
