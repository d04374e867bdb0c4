package dev.outlast.activities.process;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All processes of one agent: its group, and those that have left it, which are known by their
 * control group, by the mark in their environment, or as children of such. A process counts only
 * with proof, so that whoever has got the process id of one that ended is never taken for it. Not
 * thread-safe.
 */
final class AgentTree {

  private static final Logger log = LoggerFactory.getLogger(AgentTree.class);
  private static final long SELF = ProcessHandle.current().pid();
  private static final long NEVER = -1;

  private final ProcessIdentity leader;
  private final String variable;
  private final Cgroup cgroup;
  private final ProcessTable table;

  /** When the leader has started. */
  private final long began;

  /** What is in the group and has started by then is the agent's: the id was the leader's still. */
  private volatile long ownUntil;

  private boolean gone;

  /** Whether it was told that one cannot look: it is tried again and again. */
  private boolean told;

  /** When those that were once proven to be the agent's started, by their ids. */
  private final Map<Long, Long> proven = new HashMap<>();

  private AgentTree(AgentRecord record, ProcessTable table, long ownUntil) {
    this.leader = record.agent();
    this.variable = AgentRegistry.MARK + "=" + record.mark();
    this.cgroup = Cgroup.of(record);
    this.table = table;
    this.began = table.started(leader.start());
    this.ownUntil = ownUntil;
  }

  /** Of an agent that anybody may have started, at any time. */
  static AgentTree of(AgentRecord record, ProcessTable table) {
    return new AgentTree(record, table, NEVER);
  }

  /**
   * Of a child of this process. Until this process takes notice of its end, the child's id stays
   * its own, also while this process is frozen; {@link #leaderEnded} is to be called then.
   */
  static AgentTree ofChild(AgentRecord record, ProcessTable table) {
    return new AgentTree(record, table, Long.MAX_VALUE);
  }

  /** Takes note that the id of the leader may be given to somebody else now. Thread-safe. */
  void leaderEnded() {
    long now = NEVER;
    try {
      now = table.now();
    } catch (UncheckedIOException unseen) {
      log.warn(
          "Cannot see when agent {} ended; others of its group go by their mark", leader.pid());
    }
    ownUntil = now;
  }

  /**
   * Whether nothing of it runs any more, as far as one can look: it is not gone because one cannot.
   * Once that is so, it stays so.
   */
  boolean gone() {
    try {
      // A process that starts another and ends while the table is read is in it with neither.
      gone = gone || (living().isEmpty() && living().isEmpty());
    } catch (UncheckedIOException unseen) {
      tell(unseen);
    }
    return gone;
  }

  private void tell(UncheckedIOException unseen) {
    if (!told) {
      told = true;
      log.warn("Cannot see what of agent {} runs; it counts as running", leader.pid(), unseen);
    }
  }

  /**
   * What of it runs.
   *
   * <p>The group's id is not given away while the group has a member, but then it may be: the group
   * counts if a member of it is known to be the agent's otherwise.
   *
   * @throws UncheckedIOException if that cannot be looked at
   */
  private List<ProcessTable.Entry> living() {
    if (gone || !leader.ofThisBoot()) {
      return List.of();
    }
    long own = ownUntil;
    List<ProcessTable.Entry> younger = new ArrayList<>(table.all());
    younger.removeIf(process -> process.started() < began || process.pid() == SELF);
    Set<Long> ours = new HashSet<>(table.carriers(younger, variable));
    if (cgroup != null) {
      ours.addAll(cgroup.processes());
    }
    for (ProcessTable.Entry process : younger) {
      boolean isLeader = process.pid() == leader.pid() && process.started() == began;
      Long started = proven.get(process.pid());
      if (isLeader
          || (started != null && started == process.started())
          || (process.group() == leader.pid() && process.started() <= own)) {
        ours.add(process.pid());
      }
    }
    boolean grew;
    do {
      boolean group =
          younger.stream().anyMatch(p -> p.group() == leader.pid() && ours.contains(p.pid()));
      grew = false;
      for (ProcessTable.Entry process : younger) {
        if (ours.contains(process.parent()) || (group && process.group() == leader.pid())) {
          grew |= ours.add(process.pid());
        }
      }
    } while (grew);
    List<ProcessTable.Entry> living = new ArrayList<>(younger);
    living.removeIf(process -> !ours.contains(process.pid()));
    proven.clear();
    living.forEach(process -> proven.put(process.pid(), process.started()));
    return living;
  }

  /** Sends SIGINT to the group. Those that have left it are not used to be asked in this way. */
  void interrupt() {
    try {
      if (living().stream().anyMatch(process -> process.group() == leader.pid())) {
        Commands.signalGroup("INT", leader.pid());
      }
    } catch (UncheckedIOException unseen) {
      tell(unseen);
    }
  }

  /** Sends SIGTERM to the group and to each process that has left it. */
  void terminate() {
    signal("TERM");
  }

  /** Sends SIGKILL to the group and to each process that has left it. */
  void kill() {
    signal("KILL");
    if (cgroup != null) {
      cgroup.kill();
    }
  }

  /** Nothing is sent to what cannot be seen. */
  private void signal(String name) {
    try {
      signalLiving(name);
    } catch (UncheckedIOException unseen) {
      tell(unseen);
    }
  }

  private void signalLiving(String name) {
    boolean group = false;
    for (ProcessTable.Entry process : living()) {
      if (process.group() == leader.pid()) {
        group = true;
      } else {
        // Compares the start once more, in the same moment as it sends.
        ProcessHandle.of(process.pid())
            .filter(handle -> same(process))
            .ifPresent(
                handle -> {
                  if (name.equals("KILL")) {
                    handle.destroyForcibly();
                  } else {
                    handle.destroy();
                  }
                });
      }
    }
    if (group) {
      Commands.signalGroup(name, leader.pid());
    }
  }

  private boolean same(ProcessTable.Entry process) {
    return table.entry(process.pid()).filter(now -> now.started() == process.started()).isPresent();
  }
}
