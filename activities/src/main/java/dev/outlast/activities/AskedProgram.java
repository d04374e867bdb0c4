package dev.outlast.activities;

import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.activities.provider.Program;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent's program that is only asked something: in the agent's workspace and with its
 * environment.
 */
record AskedProgram(Call.Setting setting, AgentOwner owner) implements Program {

  /** How long it has to answer: opencode takes many seconds to start where it has no network. */
  static final Duration MAX_TIME = Duration.ofSeconds(20);

  /** The longest answer, in characters. */
  static final int MAX_ANSWER = 4 * 1024 * 1024;

  private static final Logger log = LoggerFactory.getLogger(AskedProgram.class);

  @Override
  public Optional<String> ask(List<String> arguments) {
    List<String> line = new ArrayList<>();
    line.add(setting.executable().toString());
    line.addAll(arguments);
    Answer answer = new Answer();
    try {
      AgentProcess process =
          setting
              .registry()
              .start(
                  new ProcessSpec(
                      line, setting.workspace(), setting.environment().variables(), null),
                  owner,
                  null,
                  setting.workspace().toString(),
                  answer::add,
                  ignored -> {});
      if (exitedWell(process)) {
        return answer.whole();
      }
      log.debug("{} gives no answer to {}", setting.executable(), arguments);
    } catch (IOException | IllegalArgumentException notStarted) {
      log.debug("{} cannot be asked", setting.executable(), notStarted);
    }
    return Optional.empty();
  }

  private static boolean exitedWell(AgentProcess process) throws IOException {
    boolean exited = false;
    try {
      process.release();
      exited = process.awaitExit(MAX_TIME);
    } catch (InterruptedException workerEnds) {
      // The flag stays cleared: the SDK has yet to tell the server, over the network.
      log.debug("Not waited for the answer of a program: the worker ends");
    } finally {
      if (!exited) {
        process.end();
      }
    }
    return exited && process.finish() == 0;
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
