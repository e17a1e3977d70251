@stored
Feature: Files and admin say the same thing
  Campaigns can be neither exported nor compared, and builders lose content (mautic#1623, #10130,
  #12701; plunk#243). Played by the real thing only: plans are made against what is published.

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

  Scenario: What is exported changes nothing when it is applied
    When everything is exported
    Then a plan of the files has nothing to tell
    When everything is exported
    Then no file was written

  Scenario: A plan tells who stands on a step that is to go
    When everything is exported
    And the file of welcome is edited:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: again, email: again}
      """
    Then a plan of the files tells that 1 contact stands on pause
    When 3 days pass
    Then Ana has got hello, again
