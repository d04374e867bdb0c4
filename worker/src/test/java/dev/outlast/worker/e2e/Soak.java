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

/**
 * Kills workers, the server and agents at random while many runs meet usage limits, until it has
 * killed often enough; then lets every run end, and counts what went wrong. The main class of
 * {@code .ci/soak}: arguments are the number of kills, the seed, and an empty folder.
 *
 * <p>The seed decides what is killed when, and what each run is like. What a kill hits also depends
 * on the machine. Runs are judged as they end, so that what goes wrong is seen at once.
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

  /** How often runs that have ended are made up for. */
  private static final Duration TOP_UP = Duration.ofSeconds(2);

  /** After so many kills it says what has gone wrong so far. */
  private static final int INTERIM = 20;

  private static final int LONGEST_LIMIT_SECONDS = 60;
  private static final int LONGEST_WORK_MILLIS = 3_000;

  private final int kills;
  private final long seed;
  private final Random random;

  /** Of its own, as how many runs are begun depends on the machine. */
  private final Random plans;

  private final CrashStage stage;
  private final Verdict.Court court;
  private final PrintStream out;
  private final List<Task> tasks = new ArrayList<>();
  private final List<Task> open = new ArrayList<>();
  private final Map<Task, Judged> judged = new HashMap<>();
  private final List<Program> workers = new ArrayList<>();
  private final Map<String, Integer> done = new HashMap<>();
  private Thaw thaw;

  /** A worker that is frozen at the moment. */
  private record Thaw(Program worker, long since) {}

  /**
   * What became of a run that has ended.
   *
   * @param entries how many its ledger had then; none may come after
   */
  private record Judged(int entries, Verdict verdict) {}

  private Soak(int kills, long seed, CrashStage stage, Verdict.Court court, PrintStream out) {
    this.kills = kills;
    this.seed = seed;
    this.random = new Random(seed);
    this.plans = new Random(~seed);
    this.stage = stage;
    this.court = court;
    this.out = out;
  }

  /** Ends with 0 if nothing went wrong, and with 1 otherwise. */
  public static void main(String[] args) {
    int kills = Integer.parseInt(args[0]);
    long seed = Long.parseLong(args[1]);
    Path folder = Path.of(args[2]).toAbsolutePath();
    boolean well = false;
    try (CrashStage stage = CrashStage.in(folder, MAX_AGENTS);
        Verdict.Court court = new Verdict.Court(stage);
        Orphans orphans = Orphans.of(stage)) {
      well = new Soak(kills, seed, stage, court, System.out).run(orphans, folder);
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
      pause(between(SHORTEST_PAUSE.toMillis(), LONGEST_PAUSE.toMillis()));
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
      judgeEnded();
      if ((i + 1) % INTERIM == 0) {
        interim(orphans);
      }
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
    return report(began, verdict(), orphans.found(), left, folder);
  }

  private long between(long least, long most) {
    return least + random.nextLong(most - least + 1);
  }

  /** Lets time pass, with as many runs under way as there should be. */
  private void pause(long millis) throws Exception {
    long deadline = System.nanoTime() + Duration.ofMillis(millis).toNanos();
    for (long left = millis; left > 0; ) {
      topUp();
      left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
      Thread.sleep(Math.max(0, Math.min(left, TOP_UP.toMillis())));
    }
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
    int count = plans.nextInt(4) == 0 ? 2 : 1;
    for (int i = 0; i < count; i++) {
      // More short ones than long ones, so that enough runs end.
      double share = plans.nextDouble();
      limits.append(' ').append(2 + (int) (share * share * (LONGEST_LIMIT_SECONDS - 2)));
    }
    plan.add(limits.toString());
    plan.add("work " + plans.nextInt(LONGEST_WORK_MILLIS));
    if (plans.nextInt(10) == 0) {
      plan.add("stubborn");
    }
    if (plans.nextInt(10) == 0) {
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

  /** Judges the runs that have ended and are not judged yet. */
  private void judgeEnded() throws Exception {
    Set<Task> underWay = new HashSet<>(open);
    for (Task task : tasks) {
      if (!underWay.contains(task) && !judged.containsKey(task)) {
        judge(task);
      }
    }
  }

  private void judge(Task task) throws Exception {
    int entries = task.ledger().size();
    Verdict verdict = court.judge(task);
    judged.put(task, new Judged(entries, verdict));
    verdict.findings().forEach(out::println);
  }

  private void interim(Orphans orphans) {
    Verdict verdict = soFar();
    out.printf(
        "        so far: ended %d, lost %d, doubled %d, early %d, orphans %d, replay failures %d%n",
        verdict.runs(),
        verdict.lost(),
        verdict.doubled(),
        verdict.early(),
        orphans.found().size(),
        verdict.replayFailures());
  }

  private Verdict soFar() {
    return judged.values().stream().map(Judged::verdict).reduce(Verdict.NONE, Verdict::plus);
  }

  /** Judges the runs that are left, and again those whose agents were started after their end. */
  private Verdict verdict() throws Exception {
    for (Task task : tasks) {
      Judged before = judged.get(task);
      if (before == null || before.entries() != task.ledger().size()) {
        judge(task);
      }
    }
    return soFar();
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
}
