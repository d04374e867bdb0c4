package dev.outlast.activities.process;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All agents of a host: starts them so that none runs that is not on record, and ends them from
 * what is recorded, whichever worker has started them. Several workers, each with a registry of its
 * own, may use one state folder. Thread-safe.
 */
public final class AgentRegistry implements Closeable {

  /**
   * The variable that is in the environment of every agent, and so of what it starts. Its value is
   * {@code <workflow run id>/<activity id>/<attempt>/<name of the agent>}.
   */
  public static final String MARK = "OUTLAST_INVOCATION";

  /** How long agents that are ended from their records have after SIGTERM. */
  public static final Duration TERMINATE_GRACE = AgentProcess.TERMINATE_GRACE;

  /** How long they are then waited for after SIGKILL. */
  public static final Duration KILL_GRACE = AgentProcess.KILL_GRACE;

  /**
   * How long agents of another container, whose worker has gone, are waited for: what their own
   * dead man's switch may take to end them.
   */
  public static final Duration HIDDEN_GRACE = DeadMansSwitch.ENDING;

  private static final Logger log = LoggerFactory.getLogger(AgentRegistry.class);
  private static final String FOLDER = "agents";
  private static final String WORKERS = "workers";
  private static final int NAME_BYTES = 8;

  private final AgentRecords records;
  private final Clock clock;
  private final ProcessTable table;
  private final ProcessIdentity worker = ProcessIdentity.current();
  private final LivingWorkers workers;
  private final DeadMansSwitch deadMansSwitch;
  private final SecureRandom random = new SecureRandom();

  /** Where control groups of agents are made; null where they cannot be. */
  private volatile Path cgroups;

  private AgentRegistry(Path stateFolder, Path cgroups, ProcessTable table, Clock clock) {
    this.records = new AgentRecords(stateFolder.resolve(FOLDER));
    this.workers = new LivingWorkers(stateFolder.resolve(WORKERS), worker);
    this.cgroups = cgroups;
    this.table = table;
    this.deadMansSwitch = new DeadMansSwitch(table);
    this.clock = clock;
  }

  /**
   * Opens the registry of a host. Nothing is written or started before the first agent is.
   *
   * @param stateFolder where the records are kept, in a folder {@code agents} of it
   */
  public static AgentRegistry open(Path stateFolder) {
    return open(stateFolder, Cgroup.parent(), ProcessTable.OF_THIS_SYSTEM, Clock.systemUTC());
  }

  static AgentRegistry open(
      Path stateFolder, Optional<Path> cgroups, ProcessTable table, Clock clock) {
    return new AgentRegistry(stateFolder, cgroups.orElse(null), table, clock);
  }

  /** The agent's name: the last part of its mark. */
  static String name(AgentRecord record) {
    return record.mark().substring(record.mark().lastIndexOf('/') + 1);
  }

  /**
   * Starts an agent that is held: its process is there and on record, and ends with this worker,
   * but nothing of the agent runs before {@link AgentProcess#release}. The caller must end it, or
   * release it and then end or finish it.
   *
   * @param session the session that it goes on with; null for one that is not known yet
   * @param stdout is given each line of standard output
   * @param stderr is given each line of standard error
   * @throws NotRecordedException if it cannot be recorded, or another worker of the folder lives
   *     that cannot be seen from here, as in another container; the message names file and remedy
   * @throws IOException if it cannot be started; the message names the remedy where we know one
   */
  public AgentProcess start(
      ProcessSpec spec,
      AgentOwner owner,
      String session,
      String workspace,
      Consumer<OutputLine> stdout,
      Consumer<OutputLine> stderr)
      throws IOException {
    joined();
    byte[] noise = new byte[NAME_BYTES];
    random.nextBytes(noise);
    String name = HexFormat.of().formatHex(noise);
    String mark =
        String.join(
            "/",
            word(owner.workflowRunId()),
            word(owner.activityId()),
            Integer.toString(owner.attempt()),
            name);
    Map<String, String> environment = new HashMap<>(spec.environment());
    environment.put(MARK, mark);
    ProcessBuilder builder =
        new ProcessBuilder(Prelude.held(spec)).directory(spec.directory().toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    AgentRecord record = null;
    try {
      ProcessIdentity identity = identity(process.pid());
      Path parent = cgroups;
      Cgroup cgroup = parent == null ? null : Cgroup.below(parent, name);
      record =
          recorded(
              new AgentRecord(
                  identity,
                  worker,
                  owner,
                  session,
                  workspace,
                  clock.instant(),
                  mark,
                  cgroup == null ? null : cgroup.folder().toString()));
      if (cgroup != null) {
        join(cgroup, process.pid());
      }
      watched(record);
      AgentRecord agent = record;
      return new AgentProcess(
          process, AgentTree.ofChild(agent, table), spec, stdout, stderr, () -> ended(agent));
    } catch (IOException | RuntimeException e) {
      abandon(process);
      if (record != null) {
        ended(record);
      }
      throw e;
    }
  }

  private ProcessIdentity identity(long pid) throws IOException {
    try {
      return ProcessIdentity.of(pid, table)
          .orElseThrow(() -> new IOException("process " + pid + " ended at once"));
    } catch (UncheckedIOException unseen) {
      throw new IOException("process " + pid + " cannot be looked at", unseen);
    }
  }

  /** Without its line it would end by itself too, but nobody is to wait for that. */
  private static void abandon(Process held) {
    held.destroyForcibly();
    for (Closeable pipe :
        List.of(held.getOutputStream(), held.getInputStream(), held.getErrorStream())) {
      try {
        pipe.close();
      } catch (IOException closedBefore) {
        log.debug("A pipe to process {} was closed already", held.pid(), closedBefore);
      }
    }
  }

  /** What a mark may have between its slashes. */
  private static String word(String id) {
    return String.valueOf(id).replaceAll("[^A-Za-z0-9._-]", "_");
  }

  /** Before there is a record with this worker's name. */
  private void joined() throws NotRecordedException {
    try {
      workers.join();
    } catch (IOException e) {
      throw new NotRecordedException(
          "the agent was not started, since this worker may not: " + e, e);
    }
  }

  private AgentRecord recorded(AgentRecord record) throws NotRecordedException {
    try {
      records.write(record);
      return record;
    } catch (IOException e) {
      throw new NotRecordedException(
          records.file(record)
              + ": the record of the agent cannot be written, so the agent was not started ("
              + e
              + "); free the disk, or correct the permissions",
          e);
    }
  }

  private void watched(AgentRecord record) throws NotRecordedException {
    try {
      deadMansSwitch.watch(record);
    } catch (IOException e) {
      throw new NotRecordedException(
          "the process that ends agents when their worker dies cannot be started, so the agent was"
              + " not started ("
              + e
              + "); it needs /bin/sh, and setsid or perl",
          e);
    }
  }

  private void join(Cgroup cgroup, long pid) {
    try {
      cgroup.make(pid);
    } catch (IOException notAllowed) {
      log.debug(
          "No control groups: {} cannot be used: {}", cgroup.folder(), String.valueOf(notAllowed));
      cgroups = null;
    }
  }

  private void ended(AgentRecord record) {
    Cgroup cgroup = Cgroup.of(record);
    if (cgroup != null) {
      cgroup.remove();
    }
    records.remove(record);
    deadMansSwitch.forget(record);
  }

  /**
   * The agents on record: those that run, and those that a killed worker has left until {@link
   * #reap} has seen to them. Changes nothing; a file that is no record is told of in the log.
   *
   * @throws java.io.UncheckedIOException if the folder cannot be listed
   */
  public List<AgentRecord> records() {
    return records.read();
  }

  /**
   * Ends agents on record, whichever worker has started them, with all that they have started:
   * SIGTERM, then SIGKILL. Returns when they have gone, after {@link #TERMINATE_GRACE} and {@link
   * #KILL_GRACE} at most. Those of another container cannot be ended from here. If their worker
   * lives, they have not gone; else they count as gone after {@link #HIDDEN_GRACE}.
   *
   * @return whether all have gone; also if there were none
   * @throws java.io.UncheckedIOException if the folder cannot be listed
   */
  public boolean end(Predicate<AgentRecord> which) {
    return end(records().stream().filter(which).toList());
  }

  private boolean end(List<AgentRecord> agents) {
    long began = System.nanoTime();
    List<AgentRecord> hidden = agents.stream().filter(agent -> agent.agent().hidden()).toList();
    Map<AgentRecord, AgentTree> left = new HashMap<>();
    agents.stream()
        .filter(agent -> !hidden.contains(agent))
        .forEach(agent -> left.put(agent, AgentTree.of(agent, table)));
    forgetEnded(left);
    left.values().forEach(AgentTree::terminate);
    Deadline.in(TERMINATE_GRACE).await(() -> forgetEnded(left));
    boolean gone =
        Deadline.in(KILL_GRACE)
            .await(
                () -> {
                  // Again and again: what is killed may have started something meanwhile.
                  left.values().forEach(AgentTree::kill);
                  return forgetEnded(left);
                });
    left.keySet()
        .forEach(
            agent -> log.error("Agent {} of {} survives SIGKILL", agent.agent(), agent.owner()));
    return awaitHidden(hidden, began) && gone;
  }

  /** What runs in another namespace of process ids can only be waited for. */
  private boolean awaitHidden(List<AgentRecord> hidden, long began) {
    List<AgentRecord> left =
        hidden.stream().filter(agent -> !workers.lives(agent.worker())).toList();
    for (AgentRecord agent : left) {
      log.warn(
          "Agent {} of run {} was started in another namespace of process ids ({}), such as another"
              + " container, and cannot be looked at from here. Its worker has gone, so that it is"
              + " taken to have ended in {} s; if that container still runs, end it",
          agent.agent().pid(),
          agent.owner().workflowId(),
          agent.agent().boot(),
          HIDDEN_GRACE.toSeconds());
    }
    if (!left.isEmpty()) {
      Duration past = Duration.ofNanos(System.nanoTime() - began);
      Deadline.in(HIDDEN_GRACE.minus(past)).await(() -> false);
      left.forEach(this::ended);
    }
    return left.size() == hidden.size();
  }

  private boolean forgetEnded(Map<AgentRecord, AgentTree> agents) {
    agents
        .entrySet()
        .removeIf(
            agent -> {
              boolean gone = agent.getValue().gone();
              if (gone) {
                ended(agent.getKey());
              }
              return gone;
            });
    return agents.isEmpty();
  }

  /**
   * Makes this worker one that others see living, ends the agents that workers which do not live
   * any more have left behind, and removes their records. Where one cannot see whether a worker
   * lives, its agents are left alone. A file that is no record is moved aside, to the same name
   * with {@code .unreadable} at its end. To be called before this worker takes its first
   * invocation. Takes no longer than {@link #end}.
   *
   * @return how many agents still ran, as far as one can see
   * @throws java.io.UncheckedIOException if the folder cannot be used, or another worker of it
   *     lives that cannot be seen from here, as in another container; the message says what to do
   */
  public int reap() {
    try {
      workers.join();
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
    records.removeUnfinished(clock.instant());
    List<AgentRecord> orphans = records.readAndMoveAside().stream().filter(this::orphan).toList();
    int running = 0;
    for (AgentRecord orphan : orphans) {
      if (!AgentTree.of(orphan, table).gone()) {
        running++;
        log.warn(
            "Ending agent {} of run {}, session {}: its worker, process {}, has gone",
            orphan.agent().pid(),
            orphan.owner().workflowId(),
            orphan.session(),
            orphan.worker().pid());
      }
    }
    end(orphans);
    return running;
  }

  private boolean orphan(AgentRecord record) {
    try {
      return !lives(record.worker());
    } catch (UncheckedIOException unseen) {
      log.warn("Agent {} of {} is left alone", record.agent(), record.owner(), unseen);
      return false;
    }
  }

  /**
   * Whether a worker lives, a frozen one too; also one that is in another container.
   *
   * @throws java.io.UncheckedIOException if that cannot be looked at; then nobody may go by it
   *     having ended
   */
  public boolean lives(ProcessIdentity anyWorker) {
    return workers.lives(anyWorker);
  }

  /**
   * Whether an agent runs. One of another container does as long as its worker lives.
   *
   * @throws java.io.UncheckedIOException if that cannot be looked at
   */
  public boolean runs(AgentRecord record) {
    return record.agent().hidden() ? lives(record.worker()) : record.agent().lives();
  }

  /**
   * Ends this process's descendants at once, and leaves only what ends the agents with all that
   * they have started. To be followed by the end of this process.
   */
  public static void endDescendants() {
    ProcessHandle.current()
        .descendants()
        .filter(process -> !DeadMansSwitch.is(process))
        .forEach(ProcessHandle::destroyForcibly);
  }

  /**
   * To be called when the worker ends. Agents that still run go on, and end with this process; what
   * watches over them goes with the last one.
   */
  @Override
  public void close() {
    deadMansSwitch.close();
  }
}
