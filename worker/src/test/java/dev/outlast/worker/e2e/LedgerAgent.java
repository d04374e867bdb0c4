package dev.outlast.worker.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An executable that speaks Claude's stream-json and itself writes down, on the disk before it goes
 * on, what it is told and when. It can be held at named points, so that a kill hits exactly there.
 * What it does is explained in {@code ledger-agent.pl}, which needs Perl.
 */
final class LedgerAgent {

  /** What the agent has written down. */
  enum Event {
    WORKER,
    START,
    CLASH,
    UNKNOWN,
    USED,
    SAID,
    LIMIT,
    DONE,
    CHILD,
    END
  }

  /** Where the agent can be held. */
  enum Point {
    START("start"),
    FIRST_LINE("first-line"),
    SESSION("session"),
    LIMIT("limit"),
    RESULT("result"),
    EXIT("exit");

    private final String word;

    Point(String word) {
      this.word = word;
    }
  }

  /**
   * One line of a ledger.
   *
   * @param nanos the monotonic clock, which is that of {@link System#nanoTime} here
   * @param invocation the number of the process among those that were started for the task
   */
  record Entry(
      long nanos,
      Instant at,
      long pid,
      int invocation,
      Event event,
      String session,
      String detail) {

    static Entry of(String line) {
      String[] part = line.split(" ", 7);
      return new Entry(
          Long.parseLong(part[0]),
          Instant.ofEpochMilli(Long.parseLong(part[1])),
          Long.parseLong(part[2]),
          Integer.parseInt(part[3]),
          Event.valueOf(part[4]),
          part[5],
          URLDecoder.decode(part[6], StandardCharsets.UTF_8));
    }
  }

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final Path folder;

  private LedgerAgent(Path folder) {
    this.folder = folder;
  }

  /** Puts the executable into a folder. */
  static LedgerAgent in(Path folder) throws IOException {
    Files.createDirectories(folder.resolve("runs"));
    Files.createDirectories(folder.resolve("workspaces"));
    LedgerAgent agent = new LedgerAgent(folder);
    try (InputStream script =
        Objects.requireNonNull(
            LedgerAgent.class.getResourceAsStream("ledger-agent.pl"), "ledger-agent.pl")) {
      Files.copy(script, agent.executable());
    }
    if (!agent.executable().toFile().setExecutable(true)) {
      throw new IOException("cannot make " + agent.executable() + " executable");
    }
    return agent;
  }

  Path executable() {
    return folder.resolve("claude");
  }

  /** The folder that holds the tasks' workspaces. */
  Path workspaces() {
    return folder.resolve("workspaces");
  }

  /**
   * A new task.
   *
   * @param plan lines of the task's plan
   */
  Task task(String name, String... plan) throws IOException {
    Task task = new Task(name, folder.resolve("runs").resolve(name), workspaces().resolve(name));
    Files.createDirectories(task.folder());
    Files.createDirectories(task.workspace());
    Files.write(task.folder().resolve("plan"), List.of(plan));
    return task;
  }

  /**
   * A task of the agent, and what became of it.
   *
   * @param name names its workspace and its ledger
   */
  record Task(String name, Path folder, Path workspace) {

    String prompt() {
      return "Do all of " + name + ".";
    }

    String text() {
      return "Done: " + name + ".";
    }

    /** Holds an invocation at a point, from 1. */
    Task hold(Point point, int invocation) throws IOException {
      Files.writeString(file("hold", point, invocation), "");
      return this;
    }

    void letGo(Point point, int invocation) throws IOException {
      Files.deleteIfExists(file("hold", point, invocation));
    }

    /** Lets go of whatever is held, now and later. */
    void letGo() throws IOException {
      try (var files = Files.newDirectoryStream(folder, "hold-*")) {
        for (Path file : files) {
          Files.deleteIfExists(file);
        }
      }
    }

    void awaitHeld(Point point, int invocation) throws InterruptedException {
      Await.until(
          PATIENCE,
          () -> Files.exists(file("held", point, invocation)),
          () -> name + ": invocation " + invocation + " does not come to " + point + "; " + told());
    }

    void await(Event event, int invocation) throws InterruptedException {
      Await.until(
          PATIENCE,
          () -> ledger().stream().anyMatch(e -> e.event() == event && e.invocation() == invocation),
          () -> name + ": invocation " + invocation + " has no " + event + "; " + told());
    }

    /** The process of an invocation. */
    long pid(int invocation) throws IOException {
      return ledger().stream()
          .filter(e -> e.invocation() == invocation)
          .findFirst()
          .orElseThrow(() -> new AssertionError(name + " has no invocation " + invocation))
          .pid();
    }

    /** The process of the newest invocation; 0 if there is none yet. */
    long newestPid() throws IOException {
      return ledger().stream()
          .filter(e -> e.event() == Event.START)
          .reduce((first, second) -> second)
          .map(Entry::pid)
          .orElse(0L);
    }

    List<Entry> ledger() throws IOException {
      Path ledger = folder.resolve("ledger");
      if (!Files.exists(ledger)) {
        return List.of();
      }
      List<String> lines = Files.readAllLines(ledger);
      // The clock is read before the line is written, so two processes may write in another order.
      return IntStream.range(0, lines.size())
          .mapToObj(i -> Entry.of(lines.get(i)))
          .sorted((a, b) -> Long.compare(a.nanos(), b.nanos()))
          .toList();
    }

    /** The ledger for a person. */
    String told() {
      try {
        return "ledger of "
            + name
            + ledger().stream()
                .map(
                    e ->
                        "\n  %s #%d %s %s %s (pid %d)"
                            .formatted(
                                e.at(),
                                e.invocation(),
                                e.event(),
                                e.session(),
                                e.detail(),
                                e.pid()))
                .collect(Collectors.joining());
      } catch (IOException e) {
        return "no ledger: " + e;
      }
    }

    private Path file(String what, Point point, int invocation) {
      return folder.resolve(what + "-" + point.word + "-" + invocation);
    }
  }
}
