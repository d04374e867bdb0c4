package dev.outlast.activities;

import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.activities.provider.Program;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent's program that is only asked something: in the agent's workspace and with its
 * environment. It is recorded and fenced as an agent is.
 */
record AskedProgram(
    Path executable,
    Path workspace,
    Map<String, String> environment,
    AgentRegistry registry,
    AgentOwner owner,
    HeldClaim claim)
    implements Program {

  /**
   * How long it has to answer: opencode 1.18.33 takes some seconds to start where it has no
   * network, and a worker that goes away waits for this.
   */
  static final Duration MAX_TIME = Duration.ofSeconds(12);

  /** The longest answer, in characters. */
  static final int MAX_ANSWER = 4 * 1024 * 1024;

  private static final Logger log = LoggerFactory.getLogger(AskedProgram.class);

  static AskedProgram of(Call.Setting setting, AgentOwner owner, HeldClaim claim) {
    return new AskedProgram(
        setting.executable(),
        setting.workspace(),
        setting.environment().variables(),
        setting.registry(),
        owner,
        claim);
  }

  @Override
  public Optional<String> ask(List<String> arguments) {
    Answer answer = new Answer();
    return answers(arguments, MAX_TIME, answer::add) ? answer.whole() : Optional.empty();
  }

  /**
   * Whether it exits with 0 in time. Never fails.
   *
   * @param stdout is called with each line that it prints, by another thread, and not after this
   */
  boolean answers(List<String> arguments, Duration atMost, Consumer<OutputLine> stdout) {
    List<String> line = new ArrayList<>();
    line.add(executable.toString());
    line.addAll(arguments);
    try {
      AgentProcess process =
          registry.start(
              new ProcessSpec(line, workspace, environment, null),
              owner,
              null,
              workspace.toString(),
              stdout,
              ignored -> {});
      if (exitedWell(process, atMost)) {
        return true;
      }
      log.debug("{} gives no answer to {}", executable, arguments);
    } catch (IOException | IllegalArgumentException notStarted) {
      log.debug("{} cannot be asked", executable, notStarted);
    }
    return false;
  }

  private boolean exitedWell(AgentProcess process, Duration atMost) throws IOException {
    boolean exited = false;
    try {
      // After it is on record and before it runs: whoever takes over ends what is on record.
      if (claim.isOurs()) {
        process.release();
        exited = process.awaitExit(atMost);
      }
    } catch (InterruptedException workerEnds) {
      // The flag stays cleared: the SDK has yet to tell the server, over the network.
      log.debug("Not waited for the answer of a program: the worker ends");
    } finally {
      if (!exited) {
        process.end();
      }
    }
    return exited && process.finish() == 0 && process.unread().isEmpty();
  }

  /** Lines from the thread that reads them, until there are too many. */
  private static final class Answer {
    private final StringBuilder text = new StringBuilder();
    private boolean cut;

    synchronized void add(OutputLine line) {
      String next = line.text();
      cut |= line.cut() || text.length() + next.length() >= MAX_ANSWER;
      if (!cut) {
        text.append(next).append('\n');
      }
    }

    synchronized Optional<String> whole() {
      return cut ? Optional.empty() : Optional.of(text.toString());
    }
  }
}
