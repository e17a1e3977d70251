@stored
Feature: Every email is handed over once, whatever breaks
  Overlapping workers mail twice, a bad address makes all others be tried for ever, and what a queue
  lost is gone (mautic#2215, #3669, #7226, #11763; listmonk#2313). Played by the real thing only:
  in memory there is no queue to lose and no server that refuses.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 2d}
        - {key: again, email: again}
      """

  Scenario: Losing Redis loses no email
    Given Ana and Bo are leads
    When Redis loses everything before any worker looks, after 2 days
    And 1 hour passes
    Then Ana and Bo have got hello, again
    And nobody got anything twice

  Scenario: An address that does not exist is mailed once, and the others as ever
    Given the mail server says "550 5.1.1 No such user" to Ana
    And Ana and Bo are leads
    When 3 days pass
    Then Ana has got nothing
    And Ana is suppressed in global
    And Ana's run through welcome is exited
    And Bo has got hello, again

  Scenario: A full mailbox passes over one email and suppresses nobody
    Given Ana is a lead
    When 1 day passes
    And the mail server says "452 4.2.2 Mailbox full" to Ana
    And 2 days pass
    And the mail server takes mail for Ana again
    Then Ana has got hello
    And Ana is suppressed in nothing

  Scenario: A fault of ours stops the sender and suppresses nobody
    Given the mail server says "550 5.7.26 Unauthenticated mail" to Ana
    And Ana is a lead
    When 1 hour passes
    Then Ana has got nothing
    And Ana is suppressed in nothing
    And Ana's run through welcome is sending at hello
