Feature: Tracks are lines of sequences that run side by side
  Elsewhere steps take contacts out of one campaign before another begins, or their emails mix, and
  when such a step fails nobody sees it (mautic#6407); and nobody can say which of two campaigns
  goes with which stage (mautic#9788). Here the stage is one per contact, each track has one
  sequence of it for them, and a change of stage closes and opens all of them together.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 6d}
        - {key: more, email: more}
      """
    And the sequence tips:
      """
      stage: lead
      track: tips
      priority: 2
      steps:
        - {key: nap, wait: 1d}
        - {key: tip, email: tip}
        - {key: pause, wait: 4d}
        - {key: trick, email: trick}
      """
    And the sequence spare:
      """
      stage: lead
      track: tips
      steps:
        - {key: spare, email: spare}
      """
    And the sequence deepen:
      """
      stage: mql
      steps:
        - {key: case, email: case}
      """
    And the sequence secrets:
      """
      stage: mql
      track: tips
      steps:
        - {key: nap, wait: 1d}
        - {key: secret, email: secret}
      """

  Scenario: Two tracks go side by side, and in each the higher priority decides
    Given Ana is a lead
    When 7 days pass
    Then Ana has got hello, tip, trick and more
    And Ana has 0 runs through spare

  Scenario: A change of stage ends the runs of all tracks and begins the next of each
    Given Ana and Bo are leads
    When 2 days pass
    And Ana does form
    And 2 days pass
    Then Ana stands in mql
    And Ana has got hello, tip, case and secret
    And Ana's run through welcome is moved, to deepen
    And Ana's run through tips is moved, to secrets
    And Ana's run through deepen is exhausted
    And Ana's run through secrets is exhausted
    And Bo's run through welcome is waiting at pause
    And Bo's run through tips is waiting at pause

  Scenario: Who goes back to a stage goes through every track of it, and gets nothing twice
    Given Ana is a lead
    When 2 days pass
    And Ana does form
    And 30 days pass
    Then Ana stands in lead, and once stood in mql
    And Ana has 2 runs through welcome
    And Ana has 2 runs through tips
    And nobody got anything twice

  Scenario: A move into a track where a run is under way ends one run and begins none
    Given the sequence short:
      """
      stage: lead
      priority: 9
      steps:
        - {key: hello, email: hello}
        - {key: over, move_to: spare}
      """
    And Ana is a lead
    When 1 day passes
    Then Ana's run through short is moved, to spare
    And Ana has 0 runs through spare
    And Ana's run through tips is waiting at pause
    And Ana has got hello and tip
