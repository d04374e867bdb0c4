package dev.outlast.activities.workspace;

import dev.outlast.activities.process.Commands;
import dev.outlast.activities.process.Deadline;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.process.SearchPath;
import dev.outlast.activities.secret.KnownSecrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
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

  /** How many filters and hooks a repository's configuration may name. */
  static final int MAX_DRIVERS = 100;

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
    return SearchPath.find("git", path).map(program -> new Git(program, path));
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
    Commands.Answer answer;
    try {
      answer = Commands.ask(line, directory, environment, MAX_ANSWER, deadline);
    } catch (IOException e) {
      throw new GitException(
          GitException.Cause.NOT_RUN, "git cannot be started: " + e.getMessage());
    } catch (InterruptedException workerEnds) {
      // The flag stays cleared: the SDK has yet to tell the server, over the network.
      log.debug("Not waited for git: the worker ends");
      throw tooLong();
    }
    return switch (answer.end()) {
      case EXITED -> new Answer(answer.exitCode(), answer.out(), complaint(answer.complaint()));
      case LEFT_OPEN, TOO_LONG -> throw tooLong();
      case TOO_MUCH ->
          throw new GitException(
              GitException.Cause.TOO_MUCH, "git prints more than " + MAX_ANSWER + " bytes");
    };
  }

  private static GitException tooLong() {
    return new GitException(GitException.Cause.TOO_LONG, "git has not answered in time");
  }

  private static String complaint(byte[] err) {
    // It quotes names of branches and files, which are an agent's, and addresses of remotes.
    String told = PlainText.clean(new String(err, StandardCharsets.UTF_8));
    return KnownSecrets.redact(told).replaceAll("\\s+", " ").strip();
  }
}
