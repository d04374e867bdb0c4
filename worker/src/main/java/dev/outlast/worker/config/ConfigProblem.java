package dev.outlast.worker.config;

import java.util.Objects;

/**
 * One thing that is wrong with a configuration.
 *
 * @param source the file; null for a configuration that was built in Java
 * @param line the line in the file, from 1; 0 where there is none
 * @param key the key, such as {@code agents.claude.provider}; empty where the file as a whole is
 *     meant
 * @param message what is wrong with which value, and what to write instead
 */
public record ConfigProblem(String source, int line, String key, String message) {

  public ConfigProblem {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(message, "message");
  }

  /** {@code outlast.toml:12: agents.claude.provider: …}, without the parts that are not known. */
  @Override
  public String toString() {
    String where = source == null ? "" : source + (line > 0 ? ":" + line : "") + ": ";
    return where + (key.isEmpty() ? "" : key + ": ") + message;
  }
}
