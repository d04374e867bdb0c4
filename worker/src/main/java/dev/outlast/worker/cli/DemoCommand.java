package dev.outlast.worker.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Show in a minute what Outlast does: a scripted agent hits a usage limit, its worker is killed"
          + " with kill -9 during the wait, and another worker resumes the same session.",
      "Needs no account and no network. Ends by itself and leaves nothing behind."
    })
final class DemoCommand implements Callable<Integer> {

  private final Console console;
  @Mixin private ServerOptions server;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "0",
      description = "The server's port (default: a free one).")
  private int port;

  @Option(names = "--json", description = "Print what was shown as JSON at the end.")
  private boolean json;

  DemoCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    try (Demo demo = new Demo(console, json)) {
      return demo.play(server, port);
    }
  }
}
