@stored
Feature: What providers tell, however often they tell it
  Bounces are marked twice or never, a full mailbox counts for ever, and an out-of-office reply ends a
  subscription (mautic#7951, #2761, #9282; listmonk#2770; keila#316). Played by the real thing only:
  in memory nobody tells anything by webhook.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 2d}
        - {key: again, email: again}
      """
    And Ana is a lead

  Scenario: A bounce that is told three times suppresses once
    When 1 day passes
    And the provider tells 3 times of a bounce of Ana
    And 5 days pass
    Then Ana has got hello
    And Ana is suppressed in global

  Scenario: A late "delivered" never lifts a suppression
    When 1 day passes
    And the provider tells 1 times of a bounce of Ana
    And the provider tells 1 times of a delivered of Ana
    And 5 days pass
    Then Ana has got hello
    And Ana is suppressed in global

  Scenario: An out-of-office reply changes nothing
    When 1 day passes
    And the provider tells 1 times of a autoreply of Ana
    And 5 days pass
    Then Ana has got hello, again
    And Ana is suppressed in nothing
