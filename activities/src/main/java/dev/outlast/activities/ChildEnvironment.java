package dev.outlast.activities;

import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Environment;
import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.activities.secret.Redaction;
import dev.outlast.activities.secret.SecretNames;
import dev.outlast.agent.SessionId;
import dev.outlast.operator.ErrorCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The environment of one agent, built from nothing: what its allow-list lets through of the
 * worker's own, its account's variables and secrets, and the time zone. Knows its secret values, to
 * take them out of texts that leave the worker.
 */
record ChildEnvironment(Map<String, String> variables, Redaction redaction) {

  private static final Logger log = LoggerFactory.getLogger(ChildEnvironment.class);

  private static final String FILE = "file:";

  /** The longest secret, in characters. */
  static final int MAX_SECRET = 64 * 1024;

  /**
   * Builds it, and looks the secrets up.
   *
   * @param account null if none is configured
   * @throws MissingException if a secret is missing; the message names where it was looked for, and
   *     never a value
   */
  static ChildEnvironment of(AgentHost host, AgentDefinition agent, AccountDefinition account) {
    Map<String, String> variables = new HashMap<>();
    Set<String> secrets = new HashSet<>(SecretNames.values(host.environment()));
    host.environment()
        .forEach(
            (name, value) -> {
              if (Environment.allows(agent.env(), name)) {
                variables.put(name, value);
              }
            });
    if (account != null) {
      variables.putAll(account.env());
      secrets.addAll(SecretNames.values(account.env()));
      account
          .secrets()
          .forEach(
              (name, reference) -> {
                String value = lookUp(host, account, name, reference);
                variables.put(name, value);
                secrets.add(value);
              });
    }
    // What one agent is not given it may find nevertheless, as it is the worker's user.
    host.accounts().values().stream()
        .filter(other -> account == null || !other.name().equals(account.name()))
        .forEach(other -> secrets.addAll(secretsThereAtOnce(host, other)));
    KnownSecrets.learn(secrets);
    variables.put("TZ", posixZone(host.zone()));
    return new ChildEnvironment(variables, Redaction.of(secrets));
  }

  /** Has the process know all secrets of a host that are there at once. */
  static void learnSecrets(AgentHost host) {
    KnownSecrets.learn(SecretNames.values(host.environment()));
    host.accounts()
        .values()
        .forEach(account -> KnownSecrets.learn(secretsThereAtOnce(host, account)));
  }

  private static Set<String> secretsThereAtOnce(AgentHost host, AccountDefinition account) {
    Set<String> secrets = new HashSet<>(SecretNames.values(account.env()));
    account
        .secrets()
        .forEach(
            (name, reference) -> {
              try {
                if (!waits(reference)) {
                  secrets.add(lookUp(host, account, name, reference));
                }
              } catch (MissingException missing) {
                log.debug("{} of account {} is not there", name, account.name());
              }
            });
    return secrets;
  }

  /** A pipe, for example, would make the runs of all accounts wait for the writer of one. */
  private static boolean waits(String reference) {
    try {
      return reference.startsWith(FILE)
          && !Files.isRegularFile(Path.of(reference.substring(FILE.length())));
    } catch (InvalidPathException noFile) {
      return true;
    }
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
    if (reference.startsWith(FILE)) {
      try (BufferedReader file =
          Files.newBufferedReader(Path.of(reference.substring(FILE.length())))) {
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
    return new MissingException(ErrorCode.UNKNOWN_ACCOUNT, message);
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

  /** The text without secrets, as {@link Redaction#redact} says. */
  String redact(String text) {
    return redaction.redact(text);
  }

  /**
   * What an agent has told, without secrets. A session whose id holds one is none that could be
   * kept.
   */
  CallFacts redact(CallFacts facts) {
    return new CallFacts(
        withoutSecret(facts.session()),
        withoutSecret(facts.loggedSession()),
        facts.agentVersion() == null ? null : redact(facts.agentVersion()),
        facts.taken(),
        facts.progressed(),
        facts.lastTool() == null ? null : redact(facts.lastTool()),
        facts.lastItem(),
        facts.tokens(),
        facts.costUsd(),
        facts.usingOverage(),
        facts.contextTokens());
  }

  private SessionId withoutSecret(SessionId session) {
    return session == null || redaction.finds(session.value()) ? null : session;
  }

  /** Names only, so that no value gets into a log. */
  @Override
  public String toString() {
    return "ChildEnvironment" + new TreeSet<>(variables.keySet());
  }
}
