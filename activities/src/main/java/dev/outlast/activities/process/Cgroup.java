package dev.outlast.activities.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A control group, version 2, that holds one agent and all that it starts, wherever that moves to
 * otherwise. Linux only, and only where this process may make groups below its own: as root, or in
 * a systemd unit with {@code Delegate=yes}.
 */
record Cgroup(Path folder) {

  private static final Logger log = LoggerFactory.getLogger(Cgroup.class);
  private static final String PREFIX = "outlast-";
  private static final String PROCESSES = "cgroup.procs";

  /** How long the removal of an empty group may take. */
  private static final Duration REMOVAL = Duration.ofSeconds(2);

  /** How deep groups that an agent makes itself are looked for. */
  private static final int MAX_DEPTH = 8;

  /** The group that a record names; null if it names none that can be an agent's. */
  static Cgroup of(AgentRecord record) {
    if (record.cgroup() == null) {
      return null;
    }
    Path folder = Path.of(record.cgroup());
    return folder.endsWith(PREFIX + AgentRegistry.name(record)) ? new Cgroup(folder) : null;
  }

  /** Where this process may make groups; empty if nowhere. */
  static Optional<Path> parent() {
    if (!ProcessTable.HAS_PROC) {
      return Optional.empty();
    }
    try {
      return parent(
          Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1),
          Files.readString(Path.of("/proc/self/cgroup"), StandardCharsets.ISO_8859_1));
    } catch (IOException unreadable) {
      log.debug("No control groups: /proc does not tell of them", unreadable);
      return Optional.empty();
    }
  }

  /**
   * The folder of the own group.
   *
   * @param mounts lines as {@code 41 31 0:38 /root /mount/point rw,… - cgroup2 cgroup2 rw}
   * @param groups lines as {@code 0::/own/group}
   */
  static Optional<Path> parent(String mounts, String groups) {
    Optional<String> own =
        groups.lines().filter(line -> line.startsWith("0::/")).map(l -> l.substring(3)).findFirst();
    if (own.isEmpty()) {
      return Optional.empty();
    }
    for (String line : mounts.lines().toList()) {
      String[] halves = line.split(" - ", 2);
      String[] fields = halves[0].split(" ");
      if (halves.length < 2 || !halves[1].startsWith("cgroup2 ") || fields.length < 5) {
        continue;
      }
      Path root = Path.of(fields[3]);
      Path group = Path.of(own.get());
      if (group.startsWith(root)) {
        Path folder = Path.of(fields[4]).resolve(root.relativize(group)).normalize();
        // It is handed on in lines of words.
        boolean plain = folder.toString().matches("[^\\s|]+");
        if (plain && Files.isWritable(folder)) {
          return Optional.of(folder);
        }
      }
    }
    return Optional.empty();
  }

  /** Names the group of an agent; it is not made yet. */
  static Cgroup below(Path parent, String name) {
    return new Cgroup(parent.resolve(PREFIX + name));
  }

  /**
   * Makes the group and moves a process into it.
   *
   * @throws IOException if that is not allowed here; nothing is left behind then
   */
  void make(long pid) throws IOException {
    Files.createDirectory(folder);
    try {
      write(PROCESSES, Long.toString(pid));
    } catch (IOException notAllowed) {
      remove();
      throw notAllowed;
    }
  }

  private void write(String file, String value) throws IOException {
    Files.writeString(folder.resolve(file), value, StandardOpenOption.WRITE);
  }

  /**
   * The ids of all processes in it.
   *
   * @throws UncheckedIOException if it is there and cannot be looked at
   */
  Set<Long> processes() {
    Set<Long> processes = new HashSet<>();
    for (Path group : groups()) {
      Path members = group.resolve(PROCESSES);
      try {
        Files.readAllLines(members).forEach(id -> processes.add(Long.valueOf(id)));
      } catch (IOException failed) {
        if (Files.isReadable(members) && listsProcesses(group)) {
          throw new UncheckedIOException(members + " cannot be read", failed);
        }
        log.debug("{} has gone, or lists its threads only", group, failed);
      }
    }
    // Those of other namespaces have no id here.
    processes.remove(0L);
    return processes;
  }

  /** One of threads has its processes in the list of a group above it. */
  private static boolean listsProcesses(Path group) {
    try {
      String type = Files.readString(group.resolve("cgroup.type")).strip();
      return !type.equals("threaded") && !type.equals("domain invalid");
    } catch (IOException unreadable) {
      return Files.isDirectory(group);
    }
  }

  /** This group and those below it, each after those that it is in. */
  private List<Path> groups() {
    List<Path> groups = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      collect(folder, MAX_DEPTH, groups);
    }
    return groups;
  }

  private static void collect(Path group, int depth, List<Path> groups) {
    groups.add(group);
    if (depth == 0) {
      return;
    }
    try (DirectoryStream<Path> below = Files.newDirectoryStream(group, Files::isDirectory)) {
      for (Path inner : below) {
        collect(inner, depth - 1, groups);
      }
    } catch (IOException | DirectoryIteratorException failed) {
      if (Files.isReadable(group)) {
        throw new UncheckedIOException(new IOException(group + " cannot be listed", failed));
      }
      log.debug("{} has gone", group, failed);
    }
  }

  /** Sends SIGKILL to all in it at once, where the kernel can (since Linux 5.14). */
  void kill() {
    if (Files.exists(folder.resolve("cgroup.kill"))) {
      try {
        write("cgroup.kill", "1");
      } catch (IOException gone) {
        log.debug("{} was not killed as a whole", folder, gone);
      }
    }
  }

  /** Removes it, if it is empty, or becomes so soon: the kernel takes a while to let go. */
  void remove() {
    if (!Deadline.in(REMOVAL).await(this::removed)) {
      log.warn("{} stays, since it is not empty", folder);
    }
  }

  private boolean removed() {
    List<Path> groups;
    try {
      groups = groups();
    } catch (UncheckedIOException unseen) {
      log.debug("{} cannot be removed yet", folder, unseen);
      return false;
    }
    for (int i = groups.size() - 1; i >= 0; i--) {
      try {
        Files.deleteIfExists(groups.get(i));
      } catch (IOException busy) {
        log.debug("{} is not empty yet", groups.get(i));
        return false;
      }
    }
    return true;
  }
}
