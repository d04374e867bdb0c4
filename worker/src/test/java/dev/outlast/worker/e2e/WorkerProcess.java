package dev.outlast.worker.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** {@code outlast worker} in a process of its own, exactly as it is deployed. */
final class WorkerProcess {

  private static final String MAIN = "dev.outlast.worker.cli.Outlast";
  private static final Duration START = Duration.ofSeconds(120);

  private WorkerProcess() {}

  /**
   * Starts a worker; returns when it polls.
   *
   * @param folder has the worker's home, its state, and a workspace {@code work}
   * @param agents the sections of the configuration about agents and accounts
   * @param secrets variables of the worker's environment that accounts refer to
   */
  static Program start(String address, Path folder, String agents, Map<String, String> secrets)
      throws Exception {
    return start(
        address,
        folder,
        Files.createDirectories(folder.resolve("work")),
        folder.resolve("state"),
        "",
        agents,
        secrets);
  }

  /**
   * Starts a worker; returns when it polls.
   *
   * @param folder has the worker's home
   * @param workspaces holds the folders in which agents may work
   * @param settings more lines of the configuration's section {@code worker}
   */
  static Program start(
      String address,
      Path folder,
      Path workspaces,
      Path state,
      String settings,
      String agents,
      Map<String, String> secrets)
      throws Exception {
    Path configuration =
        Files.writeString(
            folder.resolve("outlast.toml"),
            """
            [worker]
            state-dir = "%s"
            workspaces = ["%s"]
            %s

            [limits]
            margin = "1s"
            jitter = "1s"
            # On a slow machine a reset of some seconds may have passed before it is reported.
            fallback = "10s"

            %s
            """
                .formatted(state, workspaces, settings, agents));
    Map<String, String> environment = new HashMap<>(secrets);
    environment.put("PATH", System.getenv("PATH"));
    environment.put("HOME", Files.createDirectories(folder.resolve("home")).toString());
    Path log = Files.createTempFile(folder, "worker", ".log");
    Program worker =
        Program.start(
            log,
            environment,
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                MAIN,
                "worker",
                "--address",
                address,
                "--config",
                configuration.toString()));
    try {
      Await.until(
          START,
          () -> worker.runs() && worker.output().contains("Ready: "),
          () -> "the worker does not start: " + worker.output());
      return worker;
    } catch (AssertionError | InterruptedException e) {
      worker.close();
      throw e;
    }
  }
}
