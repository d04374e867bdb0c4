package dev.outlast.worker.config;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.Providers;
import dev.outlast.operator.DurationText;
import dev.outlast.run.AgentRunRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What a configuration must be like, whether it comes from a file or from Java. Problems are found
 * by the key that they belong to.
 */
final class ConfigRules {

  static final int MAX_AGENTS = 1_000;
  static final int MAX_TEXT = 16 * 1024;
  private static final int MAX_QUEUE = 200;
  private static final int MAX_SHOWN = 80;
  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,199}");
  private static final Pattern VARIABLES = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,199}\\*?");
  private static final Pattern SECRET =
      Pattern.compile("env:[A-Za-z_][A-Za-z0-9_]{0,199}|file:/.{1,4000}");

  private final Map<String, String> problems = new LinkedHashMap<>();
  private final String taskQueue;
  private final int maxAgents;
  private final Duration drainGrace;
  private final String resumeMessage;

  ConfigRules(String taskQueue, int maxAgents, Duration drainGrace, String resumeMessage) {
    this.taskQueue = taskQueue;
    this.maxAgents = maxAgents;
    this.drainGrace = drainGrace;
    this.resumeMessage = resumeMessage;
  }

  Map<String, String> check(
      List<Path> workspaces,
      Map<String, AgentDefinition> agents,
      Map<String, AccountDefinition> accounts) {
    if (taskQueue == null || !name(taskQueue, MAX_QUEUE) || taskQueue.contains("@")) {
      wrong("worker.task-queue", taskQueue, "1 to " + MAX_QUEUE + " printable characters, no '@'");
    }
    if (maxAgents < 1 || maxAgents > MAX_AGENTS) {
      wrong("worker.max-agents", maxAgents, "a whole number from 1 to " + MAX_AGENTS);
    }
    if (drainGrace.isNegative() || drainGrace.compareTo(DurationText.MAX) > 0) {
      wrong("worker.drain-grace", drainGrace, "0 to 3650d");
    }
    for (int i = 0; i < workspaces.size(); i++) {
      Path workspace = workspaces.get(i);
      if (!Files.isDirectory(workspace)) {
        wrong(
            "worker.workspaces[" + i + "]",
            workspace,
            "folders that exist; make it, or correct the path");
      }
    }
    checkText("limits.resume-message", resumeMessage);
    accounts.values().forEach(this::checkAccount);
    agents.values().forEach(agent -> checkAgent(agent, accounts));
    return problems;
  }

  private void checkAgent(AgentDefinition agent, Map<String, AccountDefinition> accounts) {
    String key = "agents." + agent.name();
    checkName(key, agent.name());
    checkProvider(key + ".provider", agent.provider());
    if (agent.command().stream().anyMatch(part -> part.isEmpty() || part.indexOf('\0') >= 0)) {
      wrong(key + ".command", agent.command(), "a program and its arguments, none of them empty");
    }
    if (agent.model() != null && !name(agent.model(), AgentRunRequest.MAX_NAME)) {
      wrong(key + ".model", agent.model(), "the name of a model");
    }
    if (agent.permissionMode() != null && !name(agent.permissionMode(), AgentRunRequest.MAX_NAME)) {
      wrong(key + ".permission-mode", agent.permissionMode(), "a word that the agent knows");
    }
    if (agent.sandbox() != null && !name(agent.sandbox(), AgentRunRequest.MAX_NAME)) {
      wrong(key + ".sandbox", agent.sandbox(), "a word that the agent knows");
    }
    for (int i = 0; i < agent.env().size(); i++) {
      String variable = agent.env().get(i);
      if (!VARIABLES.matcher(variable).matches()) {
        wrong(
            key + ".env[" + i + "]",
            variable,
            "names of variables that the agent inherits, such as HOME or LC_*; values belong into"
                + " [accounts.NAME] env");
      }
    }
    checkText(key + ".resume-message", agent.resumeMessage());
    checkName(key + ".account", agent.account());
    AccountDefinition account = accounts.get(agent.account());
    if (account == null && !accounts.isEmpty() && !agent.account().equals("default")) {
      Set<String> known = new TreeSet<>(accounts.keySet());
      wrong(
          key + ".account",
          agent.account(),
          "one of " + known + Suggestion.didYouMean(agent.account(), known));
    } else if (account != null && !account.provider().equals(agent.provider())) {
      wrong(
          key + ".account",
          agent.account(),
          "an account of provider "
              + agent.provider()
              + "; this one belongs to provider "
              + account.provider());
    }
    checkByProvider(agent);
  }

  /**
   * What only the provider knows, such as whether its argument template can be read. A provider
   * tells the first thing that is wrong, so it is asked about one element at a time.
   */
  private void checkByProvider(AgentDefinition agent) {
    if (Providers.named(agent.provider()).isEmpty()) {
      return;
    }
    int before = problems.size();
    String key = "agents." + agent.name();
    for (int i = 0; i < agent.args().size(); i++) {
      askProvider(with(agent, List.of(agent.args().get(i)), List.of()), key + ".args[" + i + "]");
    }
    for (int i = 0; i < agent.patterns().size(); i++) {
      List<String> one = List.of(agent.patterns().get(i));
      askProvider(with(agent, List.of(), one), key + ".patterns[" + i + "]");
    }
    if (problems.size() == before) {
      askProvider(agent, key);
    }
  }

  private void askProvider(AgentDefinition agent, String key) {
    try {
      Providers.driver(agent);
    } catch (IllegalArgumentException e) {
      String message = e.getMessage();
      int colon = message.indexOf(": ");
      boolean keyed = colon > 0 && message.startsWith("agents." + agent.name());
      String told = keyed ? message.substring(0, colon) : key;
      // The provider was asked about one element of a list, and so does not know its place.
      problems.putIfAbsent(
          told.endsWith("]") ? key : told, keyed ? message.substring(colon + 2) : message);
    }
  }

  private static AgentDefinition with(
      AgentDefinition agent, List<String> args, List<String> patterns) {
    return agent.toBuilder().setArgs(args).setPatterns(patterns).build();
  }

  private void checkAccount(AccountDefinition account) {
    String key = "accounts." + account.name();
    checkName(key, account.name());
    checkProvider(key + ".provider", account.provider());
    account
        .env()
        .forEach(
            (variable, value) -> {
              checkVariable(key + ".env." + variable, variable);
              if (value.indexOf('\0') >= 0) {
                problems.put(key + ".env." + variable, "contains a NUL character; remove it");
              }
            });
    account
        .secrets()
        .forEach(
            (variable, reference) -> {
              checkVariable(key + ".secrets." + variable, variable);
              if (!SECRET.matcher(reference).matches()) {
                // The value is not repeated: it may be the secret itself.
                problems.put(
                    key + ".secrets." + variable,
                    "not a reference; write env:NAME (a variable of the worker) or file:/PATH (its"
                        + " first line), and never the secret itself");
              }
            });
  }

  private void checkVariable(String key, String variable) {
    if (!VARIABLE.matcher(variable).matches()) {
      wrong(key, variable, "the name of an environment variable");
    }
  }

  private void checkProvider(String key, String provider) {
    List<String> known = ProviderDefaults.names();
    if (!known.contains(provider)) {
      wrong(
          key,
          provider,
          "one of " + String.join(", ", known) + Suggestion.didYouMean(provider, known));
    }
  }

  private void checkName(String key, String name) {
    if (!name(name, AgentRunRequest.MAX_NAME)) {
      wrong(
          key,
          name,
          "a name of 1 to "
              + AgentRunRequest.MAX_NAME
              + " printable characters, not beginning with '-'");
    }
  }

  private void checkText(String key, String text) {
    if (text != null && (text.isBlank() || text.length() > MAX_TEXT || text.indexOf('\0') >= 0)) {
      wrong(key, text, "a text of 1 to " + MAX_TEXT + " characters");
    }
  }

  private static boolean name(String name, int max) {
    return !name.isBlank()
        && name.length() <= max
        && !name.startsWith("-")
        && name.codePoints().noneMatch(Character::isISOControl);
  }

  private void wrong(String key, Object value, String expected) {
    problems.putIfAbsent(key, "got " + shown(value) + "; expected " + expected);
  }

  static String shown(Object value) {
    String text = String.valueOf(value).replaceAll("\\p{Cntrl}", "?");
    String cut = text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
    return value instanceof String ? '"' + cut + '"' : cut;
  }
}
