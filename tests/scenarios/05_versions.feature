@stored
Feature: Editing a campaign surprises nobody who is in it
  A step deleted in a live campaign mailed 100 people 11,500 times; republishing fires the
  backlog; resuming repeats and loses recipients (mautic#16262, #3340, #6054, #16133; listmonk#2313,
  #2070). Played by the real thing only: versions, pauses and migrations are kept in the store.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 4d}
        - {key: again, email: again}
        - {key: rest, wait: 4d}
        - {key: thanks, email: thanks}
      """
    And Ana and Bo are leads

  Scenario: Publishing changes nothing for whoever is under way
    When 1 day passes
    And the sequence welcome is published anew:
      """
      stage: lead
      steps:
        - {key: case, email: case}
      """
    And 9 days pass
    Then Ana and Bo have got hello, again, thanks, case
    And nobody got anything twice

  Scenario: A live step is removed, and nobody is mailed anything again
    When 1 day passes
    And the sequence welcome is published anew:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: rest, wait: 4d}
        - {key: thanks, email: thanks}
      """
    And everybody in welcome is migrated, from pause to rest
    And 30 days pass
    Then Ana and Bo have got hello, thanks
    And nobody got anything twice

  Scenario: A pause freezes, and shifting keeps what was left of every wait
    When 3 days pass
    And welcome is paused
    And 10 days pass
    Then Ana and Bo have got hello
    When welcome goes on by shift
    And 2 days pass
    Then Ana and Bo have got hello, again
    When 5 days pass
    Then Ana and Bo have got hello, again, thanks
    And nobody got two emails within 1 day

  Scenario: Catching up is one touch, and never a burst
    When 3 days pass
    And welcome is paused
    And 20 days pass
    And welcome goes on by catch_up
    And 2 hours pass
    Then Ana and Bo have got hello, again
    When 10 days pass
    Then Ana and Bo have got hello, again, thanks
    And nobody got two emails within 1 day

  Scenario: What was missed may expire
    When 3 days pass
    And welcome is paused
    And 20 days pass
    And welcome goes on by expire
    And 10 days pass
    Then Ana and Bo have got hello
    And Ana's run through welcome is exhausted
