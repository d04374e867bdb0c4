package dev.outlast.worker.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/** An executable that speaks Claude's stream-json and keeps a ledger of its invocations. */
final class ScriptedClaude {

  /**
   * One invocation, as the agent itself saw it.
   *
   * @param at exact to the second, rounded down
   * @param start {@code fresh} or {@code resume}
   * @param message what it was told, on one line
   */
  record Invocation(Instant at, String start, String session, String message) {}

  private final Path folder;

  private ScriptedClaude(Path folder) {
    this.folder = folder;
  }

  /**
   * Puts the executable into a folder.
   *
   * @param limit how long after its first invocation its allowance returns, in whole seconds
   */
  static ScriptedClaude in(Path folder, Duration limit) throws IOException {
    Files.createDirectories(folder);
    ScriptedClaude agent = new ScriptedClaude(folder);
    try (InputStream script =
        Objects.requireNonNull(
            ScriptedClaude.class.getResourceAsStream("scripted-claude.sh"), "scripted-claude.sh")) {
      Files.copy(script, agent.executable());
    }
    if (!agent.executable().toFile().setExecutable(true)) {
      throw new IOException("cannot make " + agent.executable() + " executable");
    }
    Files.writeString(folder.resolve("limit-seconds"), Long.toString(limit.toSeconds()));
    return agent;
  }

  Path executable() {
    return folder.resolve("claude");
  }

  /** The instant at which its allowance returns. */
  Instant reset() throws IOException {
    return Instant.ofEpochSecond(Long.parseLong(Files.readString(folder.resolve("reset")).strip()));
  }

  List<Invocation> ledger() throws IOException {
    Path ledger = folder.resolve("ledger");
    if (!Files.exists(ledger)) {
      return List.of();
    }
    return Files.readAllLines(ledger).stream()
        .map(line -> line.split(" ", 4))
        .map(
            part ->
                new Invocation(
                    Instant.ofEpochSecond(Long.parseLong(part[0])), part[1], part[2], part[3]))
        .toList();
  }
}
