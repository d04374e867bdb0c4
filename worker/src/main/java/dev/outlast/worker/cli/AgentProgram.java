package dev.outlast.worker.cli;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.Commands;
import dev.outlast.activities.process.Deadline;
import dev.outlast.activities.process.SearchPath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Looks at the program of an agent, without starting the agent. */
final class AgentProgram {

  private static final Duration VERSION_TIME = Duration.ofSeconds(20);

  /** How much a program may print for its version, in bytes. */
  private static final int MAX_OUTPUT = 64 * 1024;

  private static final int MAX_SHOWN = 120;

  private AgentProgram() {}

  /**
   * What was found.
   *
   * @param remedy null if all is well
   */
  record Finding(String text, String remedy) {}

  static Finding look(AgentDefinition agent, Map<String, String> environment) {
    String program = agent.command().get(0);
    Optional<Path> file = SearchPath.find(program, environment.get("PATH"));
    if (file.isEmpty()) {
      return new Finding(
          program + " not found",
          "install it, or set agents." + agent.name() + ".command to the program's path");
    }
    // An unknown program might do anything when it is asked for its version.
    return agent.provider().equals("command")
        ? new Finding(file.get().toString(), null)
        : version(agent, file.get(), environment);
  }

  private static Finding version(
      AgentDefinition agent, Path file, Map<String, String> environment) {
    List<String> command = new ArrayList<>(agent.command());
    command.set(0, file.toString());
    command.add("--version");
    Commands.Answer answer;
    try {
      answer =
          Commands.ask(
              command,
              Path.of("").toAbsolutePath(),
              environment,
              MAX_OUTPUT,
              Deadline.in(VERSION_TIME));
    } catch (IOException e) {
      return new Finding(file + " cannot be started (" + e.getMessage() + ")", "install it anew");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Finding(file + " was not asked", "run outlast doctor again");
    }
    return switch (answer.end()) {
      case TOO_LONG ->
          new Finding(
              file + " does not answer --version within " + VERSION_TIME.toSeconds() + " s",
              "run it by hand and see what it waits for");
      case TOO_MUCH ->
          new Finding(
              file + " --version prints more than " + MAX_OUTPUT + " bytes",
              "run it by hand and see what it prints");
      case EXITED, LEFT_OPEN ->
          answer.exitCode() == 0
              ? new Finding(file + ", " + said(answer), null)
              : new Finding(
                  file + " --version exits with " + answer.exitCode() + ": " + said(answer),
                  "run it by hand and mend it, or install it anew");
    };
  }

  /** The first line, wherever it was printed. */
  private static String said(Commands.Answer answer) {
    String line =
        Stream.of(answer.out(), answer.complaint())
            .flatMap(bytes -> new String(bytes, StandardCharsets.UTF_8).strip().lines())
            .findFirst()
            .map(Console::oneLine)
            .orElse("no version");
    return line.length() <= MAX_SHOWN ? line : line.substring(0, MAX_SHOWN);
  }
}
