package dev.outlast.activities.provider;

import java.nio.file.Path;
import java.time.ZoneId;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Where an agent runs, as far as the files of its program are concerned.
 *
 * @param zone in which the agent prints local times
 * @param environment the variables that the agent is started with; empty for recorded output
 * @param stateFolder where this host keeps what has to survive a worker; null for recorded output
 */
public record Surroundings(ZoneId zone, Map<String, String> environment, Path stateFolder) {

  public Surroundings {
    Objects.requireNonNull(zone, "zone");
    environment = Map.copyOf(environment);
  }

  /** Of output that was recorded, perhaps elsewhere: nothing but the output itself can be read. */
  public static Surroundings recorded(ZoneId zone) {
    return new Surroundings(zone, Map.of(), null);
  }

  /**
   * The folder that a variable names, or else the one of this name in the agent's home.
   *
   * @return empty if the agent's environment has neither, or names it relative to wherever the
   *     agent is
   */
  public Optional<Path> folder(String variable, String inHome) {
    String named = environment.getOrDefault(variable, "");
    String home = environment.getOrDefault("HOME", "");
    Path folder = named.isEmpty() ? Path.of(home).resolve(inHome) : Path.of(named);
    return folder.isAbsolute() ? Optional.of(folder) : Optional.empty();
  }
}
