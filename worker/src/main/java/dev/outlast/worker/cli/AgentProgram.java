package dev.outlast.worker.cli;

import dev.outlast.activities.AgentDefinition;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Looks at the program of an agent, without starting the agent. */
final class AgentProgram {

  private static final long VERSION_SECONDS = 20;
  private static final int MAX_OUTPUT = 4_096;
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
    Optional<Path> file = find(program, environment);
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

  private static Optional<Path> find(String program, Map<String, String> environment) {
    if (program.contains("/")) {
      return Optional.of(Path.of(program)).filter(AgentProgram::executable);
    }
    return Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(AgentProgram::executable)
        .findFirst();
  }

  private static boolean executable(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }

  private static Finding version(
      AgentDefinition agent, Path file, Map<String, String> environment) {
    List<String> command = new ArrayList<>(agent.command());
    command.set(0, file.toString());
    command.add("--version");
    Path output = null;
    try {
      output = Files.createTempFile("outlast-version", ".txt");
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(new File("/dev/null"))
              .redirectOutput(output.toFile());
      builder.environment().clear();
      builder.environment().putAll(environment);
      Process process = builder.start();
      boolean ended = process.waitFor(VERSION_SECONDS, TimeUnit.SECONDS);
      if (!ended) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        return new Finding(
            file + " does not answer --version within " + VERSION_SECONDS + " s",
            "run it by hand and see what it waits for");
      }
      String said = firstLine(output);
      return process.exitValue() == 0
          ? new Finding(file + ", " + said, null)
          : new Finding(
              file + " --version exits with " + process.exitValue() + ": " + said,
              "run it by hand and mend it, or install it anew");
    } catch (IOException e) {
      return new Finding(file + " cannot be started (" + e.getMessage() + ")", "install it anew");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Finding(file + " was not asked", "run outlast doctor again");
    } finally {
      delete(output);
    }
  }

  private static String firstLine(Path output) throws IOException {
    try (InputStream in = Files.newInputStream(output)) {
      String text = new String(in.readNBytes(MAX_OUTPUT), StandardCharsets.UTF_8);
      String line = Console.oneLine(text.strip().lines().findFirst().orElse("no version"));
      return line.length() <= MAX_SHOWN ? line : line.substring(0, MAX_SHOWN);
    }
  }

  private static void delete(Path file) {
    try {
      if (file != null) {
        Files.delete(file);
      }
    } catch (IOException e) {
      file.toFile().deleteOnExit();
    }
  }
}
