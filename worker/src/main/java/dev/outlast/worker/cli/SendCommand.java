package dev.outlast.worker.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "send",
    mixinStandardHelpOptions = true,
    description = "Queue another prompt for a run; it becomes the next turn of its session.")
final class SendCommand extends RunSteering {

  @Parameters(index = "1", paramLabel = "PROMPT", description = "The prompt, or - to read it.")
  private String prompt;

  SendCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    String text = PromptSource.read(console, prompt, null);
    return steer("prompts queued:", (client, run) -> run.send(text));
  }
}
