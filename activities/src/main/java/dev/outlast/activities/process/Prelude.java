package dev.outlast.activities.process;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How an agent is started without running: a shell leads the new session and group, waits for one
 * line on standard input, and becomes the agent, with the same process id. Without the line, since
 * the worker died, it ends. The shell adds {@code PWD} to the agent's environment, and one that is
 * bash also {@code SHLVL} and {@code _}.
 */
final class Prelude {

  /**
   * Where the program cannot be executed, the line that it was given comes back on standard error.
   * An exit code could be the agent's own, and the line is not known to an agent. POSIX shells end
   * then, and bash goes on if it is told to.
   */
  private static final String HELD =
      "read -r OUTLAST_GO || exit; trap 'printf \"%s\\n\" \"$OUTLAST_GO\" >&2' EXIT;"
          + " [ -z \"$BASH_VERSION\" ] || shopt -s execfail; exec \"$@\"";

  private static final String PERL_LEADER =
      "use POSIX; POSIX::setsid() != -1 or die \"setsid: $!\"; $SIG{$_} = 'DEFAULT' for"
          + " qw(HUP INT QUIT TERM); exec {$ARGV[0]} @ARGV or die \"$ARGV[0]: $!\"";

  // SIGHUP, SIGINT, SIGQUIT and SIGTERM in the mask of ignored signals.
  private static final long POLITE = 1 | 1 << 1 | 1 << 2 | 1 << 14;

  private static final String FOLDERS = "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin";

  /** The longest first line of a script that is looked at. */
  private static final int MAX_FIRST_LINE = 256;

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int GO_BYTES = 8;

  private Prelude() {}

  /** A line that lets one agent run, and that no agent can guess. */
  static String goLine() {
    byte[] noise = new byte[GO_BYTES];
    RANDOM.nextBytes(noise);
    return HexFormat.of().formatHex(noise);
  }

  /** The command line that holds a program. */
  static List<String> held(ProcessSpec spec) throws IOException {
    List<String> argv = new ArrayList<>(sessionLeader());
    // An agent that is given nothing to read reads nothing.
    argv.addAll(List.of("/bin/sh", "-c", spec.stdin() == null ? HELD + " </dev/null" : HELD, "sh"));
    argv.addAll(spec.argv());
    return argv;
  }

  /**
   * The program that makes what follows the leader of a new session, and so of a new group. A
   * worker that was started in the background of a script ignores SIGINT, and what it starts does
   * so too, shells for good: then perl sets that right, if it is there.
   */
  static List<String> sessionLeader() throws IOException {
    Optional<List<String>> setsid =
        SearchPath.find("setsid", FOLDERS).map(path -> List.of(path.toString()));
    Optional<List<String>> perl =
        SearchPath.find("perl", FOLDERS).map(path -> List.of(path.toString(), "-e", PERL_LEADER));
    if (ignoresSignals()) {
      return perl.or(() -> setsid).orElseThrow(Prelude::noLeader);
    }
    return setsid.or(() -> perl).orElseThrow(Prelude::noLeader);
  }

  private static IOException noLeader() {
    return new IOException(
        "neither setsid nor perl is in "
            + FOLDERS
            + "; one of them is needed to start an agent in a process group of its own. Install"
            + " util-linux or perl");
  }

  private static boolean ignoresSignals() {
    try {
      return ProcessTable.HAS_PROC
          && Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1).stream()
              .filter(line -> line.startsWith("SigIgn:"))
              .anyMatch(
                  line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & POLITE) != 0);
    } catch (IOException unreadable) {
      return false;
    }
  }

  /**
   * Why a program could not be executed.
   *
   * @param said what the shell has said of it
   */
  static NotExecutedException notExecuted(Path program, String said) {
    if (!Files.exists(program)) {
      return new NotExecutedException(program + " does not exist", false);
    }
    if (!Files.isRegularFile(program)) {
      return new NotExecutedException(program + " is not a file", false);
    }
    if (!Files.isExecutable(program)) {
      return new NotExecutedException(
          program + " is not executable, or on a file system that allows no programs", false);
    }
    Optional<Path> interpreter = interpreter(program);
    if (interpreter.isPresent() && !Files.isExecutable(interpreter.get())) {
      return new NotExecutedException(
          program
              + " needs "
              + interpreter.get()
              + ", as its first line says, which is not there or not executable",
          false);
    }
    // E2BIG does not pass. What is left: ETXTBSY, EAGAIN, ENOMEM, ENFILE.
    boolean passes = !said.toLowerCase(Locale.ROOT).contains("too long");
    return new NotExecutedException(program + " could not be executed: " + said, passes);
  }

  private static Optional<Path> interpreter(Path program) {
    try (InputStream file = new BufferedInputStream(Files.newInputStream(program))) {
      String start = new String(file.readNBytes(MAX_FIRST_LINE), StandardCharsets.ISO_8859_1);
      String first = start.lines().findFirst().orElse("");
      String words = first.startsWith("#!") ? first.substring(2).strip() : "";
      return words.startsWith("/")
          ? Optional.of(Path.of(words.split("\\s", 2)[0]))
          : Optional.empty();
    } catch (IOException | InvalidPathException unreadable) {
      return Optional.empty();
    }
  }
}
