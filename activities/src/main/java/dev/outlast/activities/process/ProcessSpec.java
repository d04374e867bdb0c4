package dev.outlast.activities.process;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What to start.
 *
 * @param argv the absolute path of the executable, then its arguments; no shell is involved
 * @param directory where it works
 * @param environment all that its environment has, besides {@link AgentRegistry#MARK} and what the
 *     system's shell sets itself: {@code PWD}, and one that is bash {@code SHLVL} and {@code _}
 * @param stdin what it reads on standard input, at most {@link AgentProcess#MAX_STDIN} bytes; null
 *     for nothing, so that a read ends at once
 */
public record ProcessSpec(
    List<String> argv, Path directory, Map<String, String> environment, byte[] stdin) {

  public ProcessSpec {
    argv = List.copyOf(argv);
    environment = Map.copyOf(environment);
    if (argv.isEmpty()) {
      throw new IllegalArgumentException("argv: empty");
    }
    if (stdin != null && stdin.length > AgentProcess.MAX_STDIN) {
      throw new IllegalArgumentException(
          "standard input: "
              + stdin.length
              + " bytes, at most "
              + AgentProcess.MAX_STDIN
              + " are allowed");
    }
  }
}
