package dev.outlast.worker.e2e;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What was found out about each agent at its walls, a line for each wall. Thread-safe. */
final class AgentMatrix {

  /** How far an agent got. */
  enum Stage {
    LIMIT,
    WAIT,
    RESUME,
    COMPLETION
  }

  private static final String ROW = "%-9s %-9s %-19s %-46s %-6s %-13s %s%n";
  private static final String NOT_REACHED = "-";

  private final Map<RealAgent, String> versions = new EnumMap<>(RealAgent.class);
  private final Map<Wall, Map<Stage, String>> found = new EnumMap<>(Wall.class);

  /** Takes what the agent's program says of its version. */
  synchronized void version(RealAgent agent, String said) {
    versions.put(agent, said.strip());
  }

  synchronized String version(RealAgent agent) {
    return versions.get(agent);
  }

  synchronized void reached(Wall wall, Stage stage, String how) {
    found.computeIfAbsent(wall, w -> new EnumMap<>(Stage.class)).put(stage, how);
  }

  @Override
  public synchronized String toString() {
    StringBuilder table = new StringBuilder();
    table.append(
        ROW.formatted(
            "agent", "version", "wall", "limit (scope: rule)", "wait", "resume", "completion"));
    for (Wall wall : Wall.values()) {
      List<Object> row = new ArrayList<>();
      row.add(wall.agent().program());
      row.add(number(versions.getOrDefault(wall.agent(), NOT_REACHED)));
      row.add(
          wall.name()
              .substring(wall.agent().name().length() + 1)
              .toLowerCase(Locale.ROOT)
              .replace('_', ' '));
      for (Stage stage : Stage.values()) {
        row.add(found.getOrDefault(wall, Map.of()).getOrDefault(stage, NOT_REACHED));
      }
      table.append(ROW.formatted(row.toArray()));
    }
    return table.toString();
  }

  /** The number in what a program says of its version, whatever else it says. */
  private static String number(String said) {
    for (String word : said.split("\\s+")) {
      if (word.matches("\\d+(?:\\.\\d+)+\\.?")) {
        return word.replaceFirst("\\.$", "");
      }
    }
    return said;
  }
}
