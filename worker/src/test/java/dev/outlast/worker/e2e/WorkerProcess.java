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

  /** What it ends with when Temporal does not answer in time, as on a very busy machine. */
  private static final int UNREACHABLE = 3;

  /** How often it is started then, as by what keeps services running. */
  private static final int STARTS = 5;

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
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            MAIN,
            "worker",
            "--address",
            address,
            "--config",
            configuration.toString());
    Program worker = ready(folder, environment, command);
    for (int start = 1; start < STARTS && worker.endedWith(UNREACHABLE); start++) {
      worker = ready(folder, environment, command);
    }
    worker.runs();
    return worker;
  }

  /** Starts it; returns when it polls, or has found no Temporal. */
  private static Program ready(Path folder, Map<String, String> environment, List<String> command)
      throws Exception {
    Program worker =
        Program.start(Files.createTempFile(folder, "worker", ".log"), environment, command);
    try {
      Await.until(
          START,
          () ->
              worker.endedWith(UNREACHABLE) || worker.runs() && worker.output().contains("Ready: "),
          () -> "the worker does not start: " + worker.output());
      return worker;
    } catch (AssertionError | InterruptedException e) {
      worker.close();
      throw e;
    }
  }
}
