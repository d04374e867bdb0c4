package dev.outlast.activities;

import dev.outlast.activities.provider.Environment;
import dev.outlast.operator.ErrorCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The environment of one agent, built from nothing: what its allow-list lets through of the
 * worker's own, its account's variables and secrets, and the time zone. Knows its secret values, to
 * take them out of texts that leave the worker.
 */
record ChildEnvironment(Map<String, String> variables, Set<String> secretValues) {

  /** Shorter values are not taken out of texts: they would tear other words apart. */
  static final int MIN_SECRET = 6;

  private static final String REDACTED = "[secret]";

  /** The longest secret, in characters. */
  static final int MAX_SECRET = 64 * 1024;

  private static final List<String> SECRET_NAMES =
      List.of("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "AUTH");

  /**
   * Builds it, and looks the secrets up.
   *
   * @param account null if none is configured
   * @throws io.temporal.failure.ApplicationFailure if a secret is missing; the message names where
   *     it was looked for, and never a value
   */
  static ChildEnvironment of(AgentHost host, AgentDefinition agent, AccountDefinition account) {
    Map<String, String> variables = new HashMap<>();
    Set<String> secrets =
        new TreeSet<>(
            Comparator.comparing(String::length)
                .reversed()
                .thenComparing(Comparator.naturalOrder()));
    host.environment()
        .forEach(
            (name, value) -> {
              if (Environment.allows(agent.env(), name)) {
                variables.put(name, value);
                if (soundsSecret(name)) {
                  secrets.add(value);
                }
              }
            });
    if (account != null) {
      variables.putAll(account.env());
      account
          .secrets()
          .forEach(
              (name, reference) -> {
                String value = lookUp(host, account, name, reference);
                variables.put(name, value);
                secrets.add(value);
              });
    }
    variables.put("TZ", posixZone(host.zone()));
    secrets.removeIf(secret -> secret.length() < MIN_SECRET);
    return new ChildEnvironment(variables, secrets);
  }

  private static boolean soundsSecret(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return !upper.equals("SSH_AUTH_SOCK") && SECRET_NAMES.stream().anyMatch(upper::contains);
  }

  private static String lookUp(
      AgentHost host, AccountDefinition account, String name, String reference) {
    String key = "accounts." + account.name() + ".secrets." + name + ": ";
    if (reference.startsWith("env:")) {
      String value = host.environment().get(reference.substring("env:".length()));
      if (value == null || value.isEmpty()) {
        throw missing(key + reference + " is not set in the worker's environment");
      }
      return value;
    }
    if (reference.startsWith("file:")) {
      try (BufferedReader file =
          Files.newBufferedReader(Path.of(reference.substring("file:".length())))) {
        char[] start = new char[MAX_SECRET];
        int length = Math.max(0, file.read(start));
        String line = new String(start, 0, length).lines().findFirst().orElse("").strip();
        if (line.isEmpty()) {
          throw missing(key + reference + " has an empty first line");
        }
        return line;
      } catch (CharacterCodingException notText) {
        throw missing(key + reference + " is not UTF-8 text");
      } catch (IOException | InvalidPathException unreadable) {
        throw missing(
            key + reference + " cannot be read: " + unreadable.getClass().getSimpleName());
      }
    }
    throw missing(key + "a reference begins with env: or file:");
  }

  private static RuntimeException missing(String message) {
    return Failures.permanent(ErrorCode.UNKNOWN_ACCOUNT, message);
  }

  /**
   * The value of {@code TZ} for a zone.
   *
   * @throws IllegalArgumentException for an offset that is not whole hours
   */
  static String posixZone(ZoneId zone) {
    ZoneId plain = zone.normalized();
    if (!(plain instanceof ZoneOffset offset)) {
      return zone.getId();
    }
    int seconds = offset.getTotalSeconds();
    if (seconds == 0) {
      return "UTC";
    }
    if (seconds % 3600 != 0) {
      throw new IllegalArgumentException(
          "zone: '" + zone + "' has no name; use a region such as Asia/Kolkata");
    }
    // The sign of these names is that of POSIX: hours behind UTC.
    return "Etc/GMT" + (seconds > 0 ? "-" : "+") + Math.abs(seconds / 3600);
  }

  /** The text without secret values, nor the beginning of one that it was cut within. */
  String redact(String text) {
    String redacted = text;
    for (String secret : secretValues) {
      redacted = redacted.replace(secret, REDACTED);
    }
    int end = redacted.length();
    for (String secret : secretValues) {
      int begun = Math.min(secret.length() - 1, redacted.length());
      while (begun >= MIN_SECRET
          && !redacted.regionMatches(redacted.length() - begun, secret, 0, begun)) {
        begun--;
      }
      if (begun >= MIN_SECRET) {
        end = Math.min(end, redacted.length() - begun);
      }
    }
    return end == redacted.length() ? redacted : redacted.substring(0, end) + REDACTED;
  }

  /** Names only, so that no value gets into a log. */
  @Override
  public String toString() {
    return "ChildEnvironment" + new TreeSet<>(variables.keySet());
  }
}
