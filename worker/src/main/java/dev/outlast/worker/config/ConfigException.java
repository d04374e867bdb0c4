package dev.outlast.worker.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration cannot be used. The message has one line for each problem. */
public final class ConfigException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient List<ConfigProblem> problems;

  ConfigException(List<ConfigProblem> problems) {
    super(problems.stream().map(ConfigProblem::toString).collect(Collectors.joining("\n")));
    this.problems = List.copyOf(problems);
  }

  /**
   * One problem.
   *
   * @param source the file; null for none
   * @param key whose value cannot be used
   * @param message what is wrong, and the remedy
   */
  public ConfigException(String source, String key, String message) {
    this(List.of(new ConfigProblem(source, 0, key, message)));
  }

  /** Everything that is wrong, in the order of the file; at least one. */
  public List<ConfigProblem> problems() {
    return problems;
  }
}
