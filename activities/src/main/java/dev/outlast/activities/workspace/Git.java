package dev.outlast.activities.workspace;

import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.secret.KnownSecrets;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The git program, run so that nothing else is run by it. A repository's configuration and
 * attributes are written by agents, and git starts what they name: a file system monitor, hooks,
 * filters, a pager, programs that fetch what is missing. Here the configuration of the user and of
 * the system is not read, and what a repository's own says of programs is overridden. Thread-safe.
 */
final class Git {

  /** How much of an answer is read, in bytes: 16 MiB. */
  static final int MAX_ANSWER = 16 * 1024 * 1024;

  /** How much is kept of what git says on standard error, in bytes. */
  static final int MAX_COMPLAINT = 4 * 1024;

  /** How many filters and hooks a repository's configuration may name. */
  static final int MAX_DRIVERS = 100;

  /** How long the pipes of a git that has ended may stay open in other hands. */
  private static final Duration EOF_GRACE = Duration.ofSeconds(1);

  /** Overrides of the repository's configuration, for git itself and all that it starts of git. */
  private static final List<String> OVERRIDES =
      List.of(
          "core.fsmonitor=false",
          "core.hooksPath=/dev/null",
          "core.pager=cat",
          "core.sshCommand=false",
          "diff.external=",
          "protocol.allow=never",
          "credential.helper=",
          "submodule.recurse=false",
          "status.submoduleSummary=false",
          "gc.auto=0",
          "maintenance.auto=false");

  private static final Logger log = LoggerFactory.getLogger(Git.class);

  private final Path program;
  private final Map<String, String> environment;

  private Git(Path program, String path) {
    this.program = program;
    environment =
        Map.ofEntries(
            Map.entry("PATH", path),
            Map.entry("LC_ALL", "C"),
            Map.entry("GIT_CONFIG_NOSYSTEM", "1"),
            Map.entry("GIT_CONFIG_SYSTEM", "/dev/null"),
            Map.entry("GIT_CONFIG_GLOBAL", "/dev/null"),
            Map.entry("GIT_TERMINAL_PROMPT", "0"),
            // A partial clone fetches the objects that it misses, with any program, if it may.
            Map.entry("GIT_NO_LAZY_FETCH", "1"),
            Map.entry("GIT_ALLOW_PROTOCOL", "none"),
            Map.entry("GIT_OPTIONAL_LOCKS", "0"));
  }

  /**
   * Finds the program.
   *
   * @param path the worker's PATH; may be null
   */
  static Optional<Git> find(String path) {
    String folders = path == null ? "" : path;
    return Stream.of(folders.split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> new File(folder, "git").getAbsoluteFile().toPath())
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .findFirst()
        .map(program -> new Git(program, folders));
  }

  /**
   * Makes a repository's own programs known, so that they are not run.
   *
   * @param tree the work tree; null to use none
   * @throws GitException if its configuration cannot be read, or cannot be made harmless
   */
  Opened open(Path gitFolder, Path tree, Deadline deadline) throws GitException {
    Opened bare = new Opened(gitFolder, tree, List.of());
    Answer names =
        bare.ask(gitFolder.getParent(), deadline, "config", "--list", "--name-only", "-z");
    TreeSet<String> overrides = new TreeSet<>();
    for (String name : names.entries()) {
      String driver = driver(name);
      if (driver == null) {
        continue;
      }
      if (driver.indexOf('=') >= 0) {
        // What is before the first '=' is taken for the key, so it cannot be overridden.
        throw new GitException(
            GitException.Cause.NOT_RUN,
            "its configuration has a filter or hook with '=' in its name");
      }
      if (name.startsWith("filter.")) {
        overrides.add("filter." + driver + ".clean=");
        overrides.add("filter." + driver + ".smudge=");
        overrides.add("filter." + driver + ".process=");
        overrides.add("filter." + driver + ".required=false");
      } else {
        overrides.add("hook." + driver + ".enabled=false");
      }
    }
    if (overrides.size() > MAX_DRIVERS * 4) {
      throw new GitException(
          GitException.Cause.NOT_RUN,
          "its configuration has more than " + MAX_DRIVERS + " filters and hooks");
    }
    return new Opened(gitFolder, tree, List.copyOf(overrides));
  }

  /** The name of the filter or the hook (Git 2.54) that a key of the configuration is about. */
  private static String driver(String key) {
    int first = key.indexOf('.');
    int last = key.lastIndexOf('.');
    boolean program = key.startsWith("filter.") || key.startsWith("hook.");
    return program && last > first ? key.substring(first + 1, last) : null;
  }

  /**
   * What git has said.
   *
   * @param complaint the beginning of standard error, on one line and without known secrets
   */
  record Answer(int exitCode, byte[] out, String complaint) {

    /** The first line. */
    String line() {
      return text().lines().findFirst().orElse("").strip();
    }

    /** What is between NUL characters. */
    List<String> entries() {
      return Stream.of(text().split("\0")).filter(entry -> !entry.isEmpty()).toList();
    }

    private String text() {
      return new String(out, StandardCharsets.UTF_8);
    }
  }

  /** One repository, with its own programs switched off. */
  final class Opened {
    private final Path gitFolder;
    private final Path tree;
    private final List<String> overrides;

    private Opened(Path gitFolder, Path tree, List<String> overrides) {
      this.gitFolder = gitFolder;
      this.tree = tree;
      this.overrides = overrides;
    }

    /**
     * Asks what must have an answer.
     *
     * @throws GitException if it has none, also where git exits with an error
     */
    Answer ask(Path directory, Deadline deadline, String... arguments) throws GitException {
      Answer answer = run(directory, deadline, arguments);
      if (answer.exitCode() != 0) {
        throw new GitException(
            GitException.Cause.REFUSED,
            answer.complaint().isEmpty()
                ? "git " + arguments[0] + " exits with " + answer.exitCode()
                : answer.complaint());
      }
      return answer;
    }

    /**
     * Runs a command of git.
     *
     * @throws GitException if it does not come to an end
     */
    Answer run(Path directory, Deadline deadline, String... arguments) throws GitException {
      List<String> line = new ArrayList<>();
      line.add(program.toString());
      line.add("--no-pager");
      line.add("--literal-pathspecs");
      // Said, not searched for: what the repository says of its place does not count then, and git
      // does not ask whose it is.
      line.add("--git-dir=" + gitFolder);
      if (tree != null) {
        line.add("--work-tree=" + tree);
      }
      Stream.concat(OVERRIDES.stream(), overrides.stream())
          .forEach(
              override -> {
                line.add("-c");
                line.add(override);
              });
      line.addAll(List.of(arguments));
      return answer(line, directory, deadline);
    }
  }

  private Answer answer(List<String> line, Path directory, Deadline deadline) throws GitException {
    if (deadline.passed()) {
      throw tooLong();
    }
    ProcessBuilder builder =
        new ProcessBuilder(line).directory(directory.toFile()).redirectInput(new File("/dev/null"));
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new GitException(
          GitException.Cause.NOT_RUN, "git cannot be started: " + e.getMessage());
    }
    Pump out = new Pump(process, process.getInputStream(), MAX_ANSWER, true);
    Pump err = new Pump(process, process.getErrorStream(), MAX_COMPLAINT, false);
    boolean exited = false;
    try {
      exited = process.waitFor(deadline.left().toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException workerEnds) {
      // The flag stays cleared: the SDK has yet to tell the server, over the network.
      log.debug("Not waited for git: the worker ends");
    } finally {
      if (!exited) {
        kill(process);
      }
    }
    boolean whole = out.ended() & err.ended();
    if (out.full) {
      throw new GitException(
          GitException.Cause.TOO_MUCH, "git prints more than " + MAX_ANSWER + " bytes");
    }
    if (!exited || !whole) {
      throw tooLong();
    }
    return new Answer(process.exitValue(), out.bytes(), complaint(err.bytes()));
  }

  private static GitException tooLong() {
    return new GitException(GitException.Cause.TOO_LONG, "git has not answered in time");
  }

  private static String complaint(byte[] err) {
    // It quotes names of branches and files, which are an agent's, and addresses of remotes.
    String told = PlainText.clean(new String(err, StandardCharsets.UTF_8));
    return KnownSecrets.redact(told).replaceAll("\\s+", " ").strip();
  }

  /** Ends git and what it has started, which have no state of ours to lose. */
  private static void kill(Process process) {
    List<ProcessHandle> children = process.descendants().toList();
    process.destroyForcibly();
    children.forEach(ProcessHandle::destroyForcibly);
  }

  /** Reads a stream to its end, keeps its beginning, and may end the process that prints more. */
  private static final class Pump implements Runnable {
    private final Process process;
    private final InputStream stream;
    private final int most;
    private final boolean endsAtMost;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final Thread thread;
    private volatile boolean full;

    Pump(Process process, InputStream stream, int most, boolean endsAtMost) {
      this.process = process;
      this.stream = stream;
      this.most = most;
      this.endsAtMost = endsAtMost;
      thread = new Thread(this, "git-" + process.pid());
      thread.setDaemon(true);
      thread.start();
    }

    @Override
    public void run() {
      byte[] chunk = new byte[8 * 1024];
      try (stream) {
        for (int count; (count = stream.read(chunk)) >= 0; ) {
          int room = most - kept.size();
          kept.write(chunk, 0, Math.min(count, room));
          if (count > room && endsAtMost) {
            full = true;
            kill(process);
            return;
          }
        }
      } catch (IOException closedUnderUs) {
        log.debug("The output of git {} ended", process.pid(), closedUnderUs);
      }
    }

    /** Waits for the end, which comes with that of the process; says whether it has come. */
    boolean ended() {
      try {
        thread.join(EOF_GRACE.toMillis());
      } catch (InterruptedException workerEnds) {
        // The flag stays cleared: the SDK has yet to tell the server, over the network.
        log.debug("Not waited for the output of git: the worker ends");
      }
      return !thread.isAlive();
    }

    byte[] bytes() {
      return kept.toByteArray();
    }
  }
}
