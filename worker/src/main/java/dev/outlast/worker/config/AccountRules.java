package dev.outlast.worker.config;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.limit.GateSettings;
import dev.outlast.operator.DurationText;
import dev.outlast.run.AgentRunRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What accounts must be like, beyond what each value says by itself. */
final class AccountRules {

  /** The longest time over which released runs are spread: a day. */
  static final Duration MAX_SPREAD = Duration.ofDays(1);

  /** The most that may be spent on a day, in US dollars. */
  static final int MAX_DAY_COST_USD = 1_000_000;

  /** How many windows may have a share of their own: as many as a gate remembers. */
  static final int MAX_WINDOWS = 20;

  private final Map<String, String> problems;

  private AccountRules(Map<String, String> problems) {
    this.problems = problems;
  }

  /**
   * Adds what is wrong, by key.
   *
   * @param usual how accounts are kept that say nothing else
   */
  static void check(
      GateSettings usual,
      Map<String, AccountDefinition> accounts,
      Map<String, AgentDefinition> agents,
      Map<String, String> problems) {
    AccountRules rules = new AccountRules(problems);
    rules.checkGate("limits", usual, GateSettings.NONE);
    accounts
        .values()
        .forEach(account -> rules.checkGate("accounts." + account.name(), account.gate(), usual));
    rules.checkShared(agents, accounts);
  }

  /** What an account has inherited is told once, where it was written. */
  private void checkGate(String key, GateSettings gate, GateSettings inherited) {
    if (gate.spread().compareTo(MAX_SPREAD) > 0 && !gate.spread().equals(inherited.spread())) {
      wrong(key + ".spread", DurationText.of(gate.spread()), "0 to " + DurationText.of(MAX_SPREAD));
    }
    if (gate.maxAgents() > ConfigRules.MAX_AGENTS) {
      wrong(key + ".max-agents", gate.maxAgents(), "1 to " + ConfigRules.MAX_AGENTS);
    }
    if (gate.dayCostUsd() > MAX_DAY_COST_USD) {
      wrong(
          key + ".day-cost-usd", gate.dayCostUsd(), "more than 0 and at most " + MAX_DAY_COST_USD);
    }
    Map<String, Double> shares = gate.pauseAt();
    if (shares.size() > MAX_WINDOWS && !shares.equals(inherited.pauseAt())) {
      wrong(key + ".pause-at", shares.size() + " windows", "at most " + MAX_WINDOWS);
    }
    for (String window : shares.keySet()) {
      boolean named =
          !window.isBlank()
              && window.length() <= AgentRunRequest.MAX_NAME
              && window.codePoints().noneMatch(Character::isISOControl);
      if (!named && !inherited.pauseAt().containsKey(window)) {
        wrong(
            key + ".pause-at." + window,
            ConfigRules.shown(window),
            "the name of a window, such as five_hour; outlast accounts shows those that the agent"
                + " has told of");
      }
    }
  }

  /** An account that is not listed belongs to whoever names it; that must be one provider. */
  private void checkShared(
      Map<String, AgentDefinition> agents, Map<String, AccountDefinition> accounts) {
    Map<String, AgentDefinition> first = new LinkedHashMap<>();
    for (AgentDefinition agent : agents.values()) {
      String account = agent.account();
      AgentDefinition other = first.putIfAbsent(account, agent);
      if (other != null
          && !other.provider().equals(agent.provider())
          && !accounts.containsKey(account)
          && !account.equals(AgentDefinition.DEFAULT_ACCOUNT)) {
        wrong(
            "agents." + agent.name() + ".account",
            ConfigRules.shown(account),
            "an account of provider "
                + agent.provider()
                + "; the agent "
                + other.name()
                + " of provider "
                + other.provider()
                + " uses this one: give each provider's account a name of its own");
      }
    }
  }

  /**
   * What is allowed but is hardly meant: accounts whose agents run with the same login, whose
   * limits then are one limit that two gates know of.
   */
  static List<ConfigProblem> warnings(String source, Map<String, AccountDefinition> accounts) {
    Map<List<Object>, List<String>> byLogin = new LinkedHashMap<>();
    for (AccountDefinition account : new TreeMap<>(accounts).values()) {
      byLogin
          .computeIfAbsent(
              List.of(account.provider(), account.env(), account.secrets()),
              login -> new ArrayList<>())
          .add(account.name());
    }
    List<ConfigProblem> warnings = new ArrayList<>();
    byLogin.forEach(
        (login, names) -> {
          if (names.size() > 1) {
            warnings.add(
                new ConfigProblem(
                    source,
                    0,
                    "accounts." + names.get(1),
                    "has the same env and secrets as "
                        + String.join(", ", without(names, names.get(1)))
                        + ", so its agents have the same login; the limits of one account are then"
                        + " not known to the other: use one account, or give each a login of its"
                        + " own"));
          }
        });
    return warnings;
  }

  private static List<String> without(List<String> names, String name) {
    return names.stream().filter(each -> !each.equals(name)).toList();
  }

  private void wrong(String key, Object shown, String expected) {
    problems.putIfAbsent(key, "got " + shown + "; expected " + expected);
  }
}
